/* Synthetic names to filter by: no list of anybody is needed to measure with.
 *
 *     names LISTED OTHERS SEED LIST_FILE OTHERS_FILE
 *
 * Writes distinct names, one a line, the same for the same numbers. Of the others none is listed,
 * and no parent of one. They are built as lists are: words and made-up syllables, hyphens, digits,
 * random letters; seven in ten right under a suffix, three in ten below hosts that are not listed
 * themselves, a few of which have many. Suffixes are two-letter codes that ISO 3166 leaves to
 * users, so nobody's name is among them. Ten million take about five seconds. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LONGEST 128
#define HOST_SHARE 6 /* hosts for each hundred names */
#define DEEP_SHARE 30

static const char *SYLLABLES[] = {
    "ad",  "al",  "an",  "ar",  "ba",  "be",  "bi",  "bo",  "ca",  "ce",  "co",  "da",  "de",
    "di",  "do",  "el",  "en",  "er",  "fa",  "fi",  "fo",  "ga",  "ge",  "go",  "ha",  "hi",
    "ho",  "in",  "ja",  "jo",  "ka",  "ki",  "ko",  "la",  "le",  "li",  "lo",  "lu",  "ma",
    "me",  "mi",  "mo",  "na",  "ne",  "ni",  "no",  "nu",  "on",  "pa",  "pe",  "pi",  "po",
    "qui", "ra",  "re",  "ri",  "ro",  "ru",  "sa",  "se",  "si",  "so",  "su",  "ta",  "te",
    "ti",  "to",  "tra", "tu",  "un",  "ur",  "va",  "ve",  "vi",  "vo",  "wa",  "wi",  "ya",
    "yo",  "za",  "zi",  "bar", "cam", "can", "del", "dor", "fan", "fin", "gal", "gra", "hol",
    "jun", "kar", "lan", "lex", "lin", "lor", "mag", "mar", "mel", "min", "mon", "nor", "oct",
    "pan", "per", "pol", "ran", "rim", "rol", "sal", "sen", "ski", "sol", "sta", "sun", "tan",
    "tel", "ter", "tin", "tor", "tur", "van", "ver", "vin", "vol", "wen", "win", "zor", "zen"};
static const char *WORDS[] = {
    "ads",    "track",  "click",  "media",  "metrics", "stats", "pixel", "tag",   "cdn",    "static",
    "banner", "promo",  "offer",  "bonus",  "cloud",   "host",  "data",  "api",   "beacon", "count",
    "log",    "event",  "push",   "notify", "survey",  "bid",   "sync",  "match", "feed",   "widget",
    "social", "share",  "mail",   "img",    "assets",  "game",  "play",  "news",  "video",  "live",
    "stream", "login",  "verify", "update", "shop",    "store", "best",  "web",   "server", "traffic"};
#define MANY(list) ((int)(sizeof list / sizeof *list))

static uint64_t state, *taken;
static size_t taken_mask;

/* SplitMix64: a public, well-known generator. */
static uint64_t draw(void) {
  uint64_t z = state += 0x9e3779b97f4a7c15ull;
  z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ z >> 27) * 0x94d049bb133111ebull;
  return z ^ z >> 31;
}

static int below(int most) { return (draw() >> 33) * (uint64_t)most >> 31; }

static char *put(char *at, const char *text) { return stpcpy(at, text); }

static char *syllables(char *at, int least, int most) {
  for (int n = least + below(most - least + 1); n; n--)
    at = put(at, SYLLABLES[below(MANY(SYLLABLES))]);
  return at;
}

static char *letters(char *at, int least, int most, int alphabet) {
  for (int n = least + below(most - least + 1); n; n--)
    *at++ = "0123456789abcdefghijklmnopqrstuvwxyz"[below(alphabet)];
  *at = 0;
  return at;
}

static char *word(char *at) { return put(at, WORDS[below(MANY(WORDS))]); }

/* One label such as somebody registers. */
static char *registered(char *at) {
  int kind = below(100);
  if (kind < 42) return syllables(at, 4, 6);
  if (kind < 66) return syllables(put(word(at), below(3) ? "" : "-"), 2, 5);
  if (kind < 80) return word(put(syllables(at, 2, 5), below(2) ? "" : "-"));
  if (kind < 90) return at = syllables(at, 2, 4), at + sprintf(at, "%d", 1 + below(9999));
  if (kind < 96) return letters(at, 8, 20, 36);
  return syllables(put(syllables(put(syllables(at, 2, 3), "-"), 2, 3), "-"), 2, 3);
}

/* The suffix: the first codes are far more frequent than the last, as with real ones. */
static char *suffix(char *at) {
  static const char SECOND[] = "xabcdefghijklmnopqrstuvwyz";
  uint64_t number = (uint64_t)below(1 << 16) * below(1 << 16) >> 16;
  int code = number * 36 >> 16;
  *at++ = '.';
  *at++ = code < 26 ? 'x' : 'q';
  *at++ = code < 26 ? SECOND[code] : 'm' + code - 26;
  *at = 0;
  return at;
}

/* A label or two below a host. */
static char *prefix(char *at) {
  int kind = below(100);
  if (kind < 35) return word(at);
  if (kind < 60) return at = word(at), at + sprintf(at, "%d", 1 + below(99));
  if (kind < 75) return letters(at, 8, 16, 16);
  if (kind < 90) return syllables(at, 2, 4);
  return put(word(at), (const char *[]){".eu", ".us", ".ap", ".s1", ".s2", ".edge"}[below(6)]);
}

/* Whether this name is new; it is from now on not. Two names of one hash count as one. */
static int take(const char *name) {
  uint64_t hash = 14695981039346656037ull;
  for (; *name; name++) hash = (hash ^ (unsigned char)*name) * 1099511628211ull;
  hash = (hash ^ hash >> 32) | 1;
  size_t at = hash * 0x9e3779b97f4a7c15ull >> 20 & taken_mask;
  for (; taken[at]; at = (at + 1) & taken_mask)
    if (taken[at] == hash) return 0;
  taken[at] = hash;
  return 1;
}

int main(int argc, char **argv) {
  if (argc != 6) {
    fprintf(stderr, "usage: names LISTED OTHERS SEED LIST_FILE OTHERS_FILE\n");
    return 2;
  }
  long listed = atol(argv[1]), count = listed + atol(argv[2]), hosts = count * HOST_SHARE / 100 + 1;
  state = strtoull(argv[3], NULL, 10);
  FILE *list = fopen(argv[4], "w"), *others = fopen(argv[5], "w");
  for (taken_mask = 1024; taken_mask < 2 * (size_t)(count + hosts); taken_mask *= 2) continue;
  taken = calloc(taken_mask, sizeof *taken);
  char(*host)[LONGEST] = malloc(hosts * sizeof *host), name[2 * LONGEST];
  if (!taken || !host || !list || !others || count < 1) return 1;
  taken_mask--;
  for (long n = 0; n < hosts;) {
    suffix(registered(host[n]));
    n += take(host[n]);
  }
  for (long n = 0; n < count;) {
    if (below(100) < DEEP_SHARE) {
      /* The least of two draws: some hosts have many names below them. Those of names that are
       * not listed are the last hosts, which the list leaves alone. */
      long own = hosts / 50 + 1, first = below(1 << 30), second = below(1 << 30);
      long least = first < second ? first : second;
      long at = n < listed ? (least * (hosts - own)) >> 30 : hosts - 1 - (least * own >> 30);
      put(put(prefix(name), "."), host[at]);
    } else {
      suffix(registered(name));
    }
    if (!take(name)) continue;
    fprintf(n < listed ? list : others, "%s\n", name);
    n++;
  }
  return fclose(list) || fclose(others);
}
