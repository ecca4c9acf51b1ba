/* What the upstream answers, so that the load generator can tell a right answer from a wrong one:
 * the last octet of the address of a name is 1 + hash % 254, in 203.0.113.0/24 or 2001:db8::/120. */
#ifndef ANSWER_H
#define ANSWER_H
#include <stdint.h>

#define HEADER 12
#define A 1
#define AAAA 28
static const unsigned char A_NETWORK[3] = {203, 0, 113}, AAAA_NETWORK[4] = {0x20, 1, 0x0d, 0xb8};

/* Return the octet for the name at `at` of `wire`, and where the name ends (behind its root);
 * *end > length where it does not end. */
static inline unsigned char answer_octet(const unsigned char *wire, int length, int at, int *end) {
  uint32_t hash = 2166136261u;
  while (at < length && wire[at]) {
    int label = at + wire[at] + 1;
    for (; at < label && at < length; at++) {
      unsigned char c = wire[at];
      if (c >= 'A' && c <= 'Z') c += 32;
      hash = (hash ^ c) * 16777619u;
    }
  }
  *end = at + 1;
  return 1 + hash % 254;
}
#endif
