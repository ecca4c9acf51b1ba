/* An upstream that knows every name: A in 203.0.113.0/24, AAAA in 2001:db8::/32 by a hash of the
 * name, every other type empty.
 *
 *     upstream PORT TTL
 *
 * An answer can so be checked by whoever asked. An OPT is answered with an OPT. */
#define _GNU_SOURCE
#include "answer.h"
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define BATCH 64

static unsigned char queries[BATCH][1500], answers[BATCH][2048];

static int put16(unsigned char *at, unsigned value) {
  at[0] = value >> 8;
  at[1] = value;
  return 2;
}

/* Write the answer to `query` of `length` octets; return its length, 0 for no answer. */
static int answer(const unsigned char *query, int length, uint32_t ttl, unsigned char *out) {
  if (length < HEADER + 5 || query[2] & 0x80) return 0;
  int at;
  unsigned char host = answer_octet(query, length, HEADER, &at);
  if (at + 4 > length) return 0;
  int qtype = query[at] << 8 | query[at + 1], end = at + 4;
  int known = qtype == A || qtype == AAAA, opt = query[10] || query[11];
  memcpy(out, query, end);
  out[2] = 0x84 | (query[2] & 1);
  out[3] = 0x80;
  memset(out + 4, 0, 8);
  out[5] = 1;
  out[7] = known;
  out[11] = opt;
  if (known) {
    end += put16(out + end, 0xc000 | HEADER);
    end += put16(out + end, qtype);
    end += put16(out + end, 1);
    end += put16(out + end, ttl >> 16);
    end += put16(out + end, ttl & 0xffff);
    int size = qtype == A ? 4 : 16;
    end += put16(out + end, size);
    memset(out + end, 0, size);
    memcpy(out + end, qtype == A ? A_NETWORK : AAAA_NETWORK, qtype == A ? 3 : 4);
    out[end + size - 1] = host;
    end += size;
  }
  if (opt) {
    memcpy(out + end, (unsigned char[]){0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0}, 11);
    end += 11;
  }
  return end;
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: upstream PORT TTL\n");
    return 2;
  }
  uint32_t ttl = strtoul(argv[2], NULL, 10);
  int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&own, sizeof own)) {
    perror("bind");
    return 1;
  }
  struct sockaddr_in peers[BATCH];
  struct mmsghdr in[BATCH], out[BATCH];
  struct iovec in_parts[BATCH], out_parts[BATCH];
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      in_parts[i] = (struct iovec){queries[i], sizeof queries[i]};
      in[i].msg_hdr = (struct msghdr){.msg_name = &peers[i],
                                      .msg_namelen = sizeof peers[i],
                                      .msg_iov = &in_parts[i],
                                      .msg_iovlen = 1};
    }
    int count = recvmmsg(fd, in, BATCH, MSG_WAITFORONE, NULL), ready = 0;
    for (int i = 0; i < count; i++) {
      int size = answer(queries[i], in[i].msg_len, ttl, answers[ready]);
      if (!size) continue;
      out_parts[ready] = (struct iovec){answers[ready], size};
      out[ready].msg_hdr = (struct msghdr){.msg_name = &peers[i],
                                           .msg_namelen = sizeof peers[i],
                                           .msg_iov = &out_parts[ready],
                                           .msg_iovlen = 1};
      ready++;
    }
    for (int done = 0; done < ready;) {
      int sent = sendmmsg(fd, out + done, ready - done, 0);
      if (sent <= 0) break;
      done += sent;
    }
  }
}
