/* A load generator that checks every answer and reads what the server's CPU cost.
 *
 *     blast -p PORT -d MIX (-w WINDOW | -r RATE) [-t SECONDS | -n COUNT] [-k WARMUP] [-P PID]
 *           [-S SOCKETS] [-i MILLISECONDS] [-y RATE -Y MIX -L LOG] [-x] [-z]
 *
 * -w keeps WINDOW queries outstanding; -r sends RATE a second, evenly. It ends after -t seconds or
 * -n queries. -P takes the CPU time of all threads of PID from /proc. -x checks nothing (for an
 * echo). -z sleeps while there is nothing to do; without it, it spins.
 * -i prints a line of JSON for each interval, by the time of sending, as soon as all is known of it.
 * SIGUSR1 prints the summary of what was since the last one, and begins anew; SIGTERM ends it.
 * -y asks the queries of -Y in addition, and writes of each of them a line to LOG: which of the
 * file, when sent, when answered (nanoseconds of CLOCK_MONOTONIC, 0 for never), and `b`locked,
 * `a`nswered, `o`ther or `-`. They count nowhere else.
 *
 * A mix holds queries: kind (16 bit, little endian), length (16 bit), query. Kinds: 0 blocked (a
 * null address or NXDOMAIN is right), 1 answered (the upstream's address is right), 2 never seen
 * before (answered; its first label is made anew for every query: 12 octets from offset 13).
 * The last line printed is the summary, in JSON. Lost is what has no answer after a second; skipped
 * is what -r did not send because the generator itself was held up for 10 ms or more. */
#define _GNU_SOURCE
#include "answer.h"
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SEND_BATCH 32
#define RECEIVE_BATCH 64
#define IDS 65536
#define LOST_NS 1000000000ull
#define LOOK_NS 50000000ull
#define SPIN_NS 2000
#define HELD_UP_NS 10000000ull
#define BUCKETS 4096
#define MOST_SOCKETS 64
#define MOST_WATCHED 4000000
enum { BLOCKED, ANSWERED, UNSEEN, KINDS };

typedef struct {
  uint16_t kind, length;
  unsigned char octet; /* of the right answer */
  const unsigned char *wire;
} Query;

typedef struct {
  Query *queries;
  int count, next;
} Mix;

typedef struct {
  uint64_t sent_at, number; /* number: of a never-seen name */
  const Query *query;       /* NULL: nothing is waited for */
} Flight;

typedef struct {
  int fd, outstanding;
  uint16_t head, tail; /* ids: next to send, oldest not yet looked at */
  Flight flights[IDS];
} Socket;

typedef struct {
  uint64_t sent, done, lost, wrong[KINDS], longest;
  uint32_t latencies[BUCKETS];
} Tally;

typedef struct {
  int query;
  char meaning;
  uint64_t sent_at, received_at;
} Watched;

static volatile sig_atomic_t marked, ended;
static Mix mix, watch;
static Socket *sockets[MOST_SOCKETS], *watcher;
static Tally all, *ring;
static Watched *seen;
static int socket_count = 4, unchecked, ring_size;
static long seen_count;
static uint64_t unseen, origin, interval, told, skipped;
static unsigned char received[RECEIVE_BATCH][2048], sending[SEND_BATCH][512];
static struct mmsghdr receive_headers[RECEIVE_BATCH], send_headers[SEND_BATCH];
static struct iovec receive_parts[RECEIVE_BATCH], send_parts[SEND_BATCH];

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

/* Latencies are kept by powers of two in 64 parts each: 1.6 % wide. */
static int bucket(uint64_t ns) {
  if (ns < 64) return ns;
  int power = 63 - __builtin_clzll(ns);
  return (power - 5) * 64 + ((ns >> (power - 6)) & 63);
}

static double microseconds(int at) {
  if (at < 64) return at / 1e3;
  int power = at / 64 + 5;
  return ((1ull << power) + ((uint64_t)(at & 63) << (power - 6))) / 1e3;
}

static double percentile(const Tally *tally, double part) {
  uint64_t total = 0, passed = 0;
  for (int i = 0; i < BUCKETS; i++) total += tally->latencies[i];
  for (int i = 0; i < BUCKETS; i++) {
    passed += tally->latencies[i];
    if (passed && passed >= part * total) return microseconds(i);
  }
  return 0;
}

/* Nanoseconds that the threads of `pid` ran. */
static uint64_t cpu_of(int pid) {
  char path[320];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = pid ? opendir(path) : NULL;
  uint64_t total = 0;
  for (struct dirent *task; tasks && (task = readdir(tasks));) {
    if (task->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", pid, task->d_name);
    FILE *file = fopen(path, "r");
    unsigned long long ran;
    if (file && fscanf(file, "%llu", &ran) == 1) total += ran;
    if (file) fclose(file);
  }
  if (tasks) closedir(tasks);
  return total;
}

/* --- what an answer means --------------------------------------------------------------------- */

static void rename_query(unsigned char *wire, uint64_t number) {
  for (int i = 12; i > 1; i--, number >>= 4) wire[HEADER + i] = "0123456789abcdef"[number & 15];
}

/* 'b' blocked, 'a' the upstream's answer, 'o' anything else. */
static char meaning(const Flight *flight, const unsigned char *wire, int length) {
  const Query *query = flight->query;
  unsigned char question[512];
  int asked = query->length, end, octet = query->octet;
  memcpy(question, query->wire, asked);
  if (query->kind == UNSEEN) {
    rename_query(question, flight->number);
    octet = answer_octet(question, asked, HEADER, &end);
  }
  if (length < asked || !(wire[2] & 0x80) || memcmp(wire + HEADER, question + HEADER, asked - HEADER))
    return 'o';
  int rcode = wire[3] & 15, answers = wire[6] << 8 | wire[7], at = asked;
  if (rcode == 3) return 'b';
  if (rcode || !answers) return 'o';
  while (at < length && wire[at] && (wire[at] & 0xc0) != 0xc0) at += wire[at] + 1;
  at += at < length && wire[at] ? 2 : 1;
  if (at + 10 > length) return 'o';
  int qtype = wire[asked - 3], type = wire[at] << 8 | wire[at + 1];
  int size = wire[at + 8] << 8 | wire[at + 9], null = 1;
  const unsigned char *data = wire + (at += 10);
  if (at + size > length || type != qtype || size != (type == A ? 4 : 16)) return 'o';
  for (int i = 0; i < size; i++) null &= !data[i];
  if (null) return 'b';
  int right = type == A ? !memcmp(data, A_NETWORK, 3) : !memcmp(data, AAAA_NETWORK, 4);
  return right && data[size - 1] == octet ? 'a' : 'o';
}

/* --- intervals -------------------------------------------------------------------------------- */

static Tally *tally_of(uint64_t sent_at) { return &ring[(sent_at - origin) / interval % ring_size]; }

static void tell_intervals(uint64_t at) {
  for (; interval && origin + (told + 1) * interval + LOST_NS + 2 * LOOK_NS < at; told++) {
    Tally *tally = &ring[told % ring_size];
    printf("{\"at\":%.3f,\"sent\":%lu,\"done\":%lu,\"lost\":%lu,\"wrong\":%lu,\"p50_us\":%.1f,"
           "\"p99_us\":%.1f,\"max_us\":%.1f}\n",
           (origin + told * interval) / 1e9, tally->sent, tally->done, tally->lost,
           tally->wrong[BLOCKED] + tally->wrong[ANSWERED] + tally->wrong[UNSEEN],
           percentile(tally, .5), percentile(tally, .99), tally->longest / 1e3);
    fflush(stdout);
    memset(tally, 0, sizeof *tally);
  }
}

static void count(Tally *tally, const Flight *flight, uint64_t took, int wrong) {
  tally->done++;
  tally->latencies[bucket(took)]++;
  tally->wrong[flight->query->kind] += wrong;
  if (took > tally->longest) tally->longest = took;
}

static void forget(Socket *s, Flight *flight) {
  if (s == watcher) {
    if (seen_count < MOST_WATCHED)
      seen[seen_count++] = (Watched){flight->query - watch.queries, '-', flight->sent_at, 0};
  } else {
    all.lost++;
    if (interval) tally_of(flight->sent_at)->lost++;
  }
  flight->query = NULL;
  s->outstanding--;
}

/* --- sending and receiving -------------------------------------------------------------------- */

static int receive(Socket *s, int record) {
  for (int i = 0; i < RECEIVE_BATCH; i++) receive_parts[i].iov_len = sizeof received[i];
  int got = recvmmsg(s->fd, receive_headers, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
  uint64_t at = now();
  for (int i = 0; i < got; i++) {
    const unsigned char *wire = received[i];
    int length = receive_headers[i].msg_len;
    if (length < HEADER) continue;
    Flight *flight = &s->flights[wire[0] << 8 | wire[1]];
    if (!flight->query) continue;
    if (s == watcher) {
      char said = meaning(flight, wire, length);
      if (seen_count < MOST_WATCHED)
        seen[seen_count++] = (Watched){flight->query - watch.queries, said, flight->sent_at, at};
    } else if (record) {
      char expected = flight->query->kind == BLOCKED ? 'b' : 'a';
      int wrong = !unchecked && meaning(flight, wire, length) != expected;
      count(&all, flight, at - flight->sent_at, wrong);
      if (interval) count(tally_of(flight->sent_at), flight, at - flight->sent_at, wrong);
    }
    flight->query = NULL;
    s->outstanding--;
  }
  return got > 0 ? got : 0;
}

static int transmit(Socket *s, Mix *from, int most) {
  if (most > SEND_BATCH) most = SEND_BATCH;
  uint64_t at = now();
  uint16_t id = s->head;
  int ready = 0, gone = 0;
  for (; ready < most; ready++, id++) {
    Flight *flight = &s->flights[id];
    if (flight->query) {
      if (at - flight->sent_at <= LOST_NS) break;
      forget(s, flight);
    }
    const Query *query = &from->queries[from->next];
    if (++from->next == from->count) from->next = 0;
    *flight = (Flight){at, unseen, query};
    memcpy(sending[ready], query->wire, query->length);
    sending[ready][0] = id >> 8;
    sending[ready][1] = id;
    if (query->kind == UNSEEN) rename_query(sending[ready], unseen++);
    send_parts[ready] = (struct iovec){sending[ready], query->length};
  }
  while (gone < ready) {
    int n = sendmmsg(s->fd, send_headers + gone, ready - gone, MSG_DONTWAIT);
    if (n <= 0) break;
    gone += n;
  }
  for (int i = gone; i < ready; i++) s->flights[(uint16_t)(s->head + i)].query = NULL;
  s->head += gone;
  s->outstanding += gone;
  if (s != watcher) {
    all.sent += gone;
    if (interval) tally_of(at)->sent += gone;
  }
  return gone;
}

static void give_up(Socket *s, uint64_t at, uint64_t after) {
  for (; s->tail != s->head; s->tail++) {
    Flight *flight = &s->flights[s->tail];
    if (!flight->query) continue;
    if ((int64_t)(at - flight->sent_at) < (int64_t)after) break;
    forget(s, flight);
  }
}

/* --- setting up ------------------------------------------------------------------------------- */

static int load(const char *path, Mix *into) {
  struct stat file;
  int fd = open(path, O_RDONLY), end;
  if (fd < 0 || fstat(fd, &file) || !file.st_size) return 0;
  const unsigned char *data = mmap(0, file.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  if (data == MAP_FAILED) return 0;
  into->queries = malloc(sizeof *into->queries * (file.st_size / 16 + 1));
  for (long at = 0; at + 4 <= file.st_size;) {
    const unsigned char *wire = data + at + 4;
    uint16_t kind = data[at] | data[at + 1] << 8, length = data[at + 2] | data[at + 3] << 8;
    if (kind >= KINDS || length > sizeof sending[0] || at + 4 + length > file.st_size) return 0;
    into->queries[into->count++] =
        (Query){kind, length, answer_octet(wire, length, HEADER, &end), wire};
    at += 4 + length;
  }
  return into->count;
}

static Socket *connected(int port) {
  int buffer = 8 << 20;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  Socket *s = calloc(1, sizeof *s);
  if (!s || (s->fd = socket(AF_INET, SOCK_DGRAM, 0)) < 0) return NULL;
  setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  s->head = s->tail = now() >> 4;
  return connect(s->fd, (struct sockaddr *)&to, sizeof to) ? NULL : s;
}

static int set_up(int port) {
  for (int i = 0; i < socket_count; i++)
    if (!(sockets[i] = connected(port))) return 0;
  if (watch.count && !((watcher = connected(port)) && (seen = calloc(MOST_WATCHED, sizeof *seen))))
    return 0;
  for (int i = 0; i < RECEIVE_BATCH; i++) {
    receive_parts[i].iov_base = received[i];
    receive_headers[i].msg_hdr = (struct msghdr){.msg_iov = &receive_parts[i], .msg_iovlen = 1};
  }
  for (int i = 0; i < SEND_BATCH; i++)
    send_headers[i].msg_hdr = (struct msghdr){.msg_iov = &send_parts[i], .msg_iovlen = 1};
  if (interval) {
    ring_size = (LOST_NS + 4 * LOOK_NS) / interval + 4;
    ring = calloc(ring_size, sizeof *ring);
    if (!ring) return 0;
  }
  return 1;
}

static void forget_warmup(void) {
  memset(&all, 0, sizeof all);
  for (int i = 0; i < socket_count; i++) {
    Socket *s = sockets[i];
    for (int id = 0; id < IDS; id++) s->flights[id].query = NULL;
    s->outstanding = 0;
    s->tail = s->head;
  }
}

/* Sleep until something arrives or until `due`. */
static void doze(uint64_t at, uint64_t due) {
  struct pollfd fds[MOST_SOCKETS + 1];
  int many = 0;
  for (int i = 0; i < socket_count; i++) fds[many++] = (struct pollfd){sockets[i]->fd, POLLIN, 0};
  if (watcher) fds[many++] = (struct pollfd){watcher->fd, POLLIN, 0};
  struct timespec wait = {0, due > at ? due - at : 0};
  if (wait.tv_nsec > (long)LOOK_NS) wait.tv_nsec = LOOK_NS;
  ppoll(fds, many, &wait, NULL);
}

static void write_watched(const char *path) {
  FILE *log = path ? fopen(path, "w") : NULL;
  if (!log) return;
  for (long i = 0; i < seen_count; i++)
    fprintf(log, "%d %lu %lu %c\n", seen[i].query, seen[i].sent_at, seen[i].received_at,
            seen[i].meaning);
  fclose(log);
}

static void on_signal(int number) {
  if (number == SIGUSR1) marked = 1;
  else ended = 1;
}

static void summary(uint64_t started, double elapsed, uint64_t answered, uint64_t cpu) {
  printf("{\"qps\":%.0f,\"sent\":%lu,\"done\":%lu,\"lost\":%lu,\"wrong\":[%lu,%lu,%lu],"
         "\"cpu_us\":%.4f,\"busy\":%.3f,\"p50_us\":%.1f,\"p95_us\":%.1f,\"p99_us\":%.1f,"
         "\"max_us\":%.1f,\"skipped\":%lu,\"started\":%.6f,\"seconds\":%.3f}\n",
         answered / elapsed, all.sent, all.done, all.lost, all.wrong[BLOCKED], all.wrong[ANSWERED],
         all.wrong[UNSEEN], answered ? cpu / 1e3 / answered : 0, cpu / 1e9 / elapsed,
         percentile(&all, .5), percentile(&all, .95), percentile(&all, .99), all.longest / 1e3,
         skipped, started / 1e9, elapsed);
  skipped = 0;
  fflush(stdout);
}

int main(int argc, char **argv) {
  int port = 0, window = 0, pid = 0, sleepy = 0, option;
  double rate = 0, watch_rate = 0, seconds = 2, warmup = 0.3;
  long most = 0;
  const char *path = NULL, *watch_path = NULL, *log = NULL;
  while ((option = getopt(argc, argv, "p:d:w:r:t:k:n:P:S:i:y:Y:L:xz")) != -1) switch (option) {
      case 'p': port = atoi(optarg); break;
      case 'd': path = optarg; break;
      case 'w': window = atoi(optarg); break;
      case 'r': rate = atof(optarg); break;
      case 't': seconds = atof(optarg); break;
      case 'k': warmup = atof(optarg); break;
      case 'n': most = atol(optarg); break;
      case 'P': pid = atoi(optarg); break;
      case 'S': socket_count = atoi(optarg); break;
      case 'i': interval = atof(optarg) * 1e6; break;
      case 'y': watch_rate = atof(optarg); break;
      case 'Y': watch_path = optarg; break;
      case 'L': log = optarg; break;
      case 'x': unchecked = 1; break;
      case 'z': sleepy = 1; break;
      default: return 2;
    }
  if (!path || !load(path, &mix) || (watch_path && !load(watch_path, &watch)) || !(window || rate) ||
      socket_count < 1 || socket_count > MOST_SOCKETS || !set_up(port)) {
    fprintf(stderr, "blast: needs -p PORT, -d MIX (readable) and -w or -r\n");
    return 2;
  }
  prctl(PR_SET_TIMERSLACK, 1);
  signal(SIGUSR1, on_signal);
  signal(SIGTERM, on_signal);
  unseen = (now() / 1000) << 6;
  if (!most) mix.next = now() / 1000 % mix.count;
  uint64_t started = origin = now(), looked = started, cpu = cpu_of(pid), paced = 0, watched = 0;
  uint64_t phase = started;
  uint64_t warm_until = started + (most ? 0 : warmup * 1e9);
  uint64_t end = most ? ~0ull : warm_until + seconds * 1e9;
  int record = most != 0, turn = 0;
  for (;;) {
    uint64_t at = now();
    if (at >= end || ended || (most && (long)all.sent >= most)) break;
    if (marked) {
      marked = 0;
      summary(phase, (at - phase) / 1e9, all.done, cpu_of(pid) - cpu);
      memset(&all, 0, sizeof all);
      phase = at;
      cpu = cpu_of(pid);
    }
    if (!record && at >= warm_until) {
      record = 1;
      forget_warmup();
      paced = watched = 0;
      cpu = cpu_of(pid);
      started = phase = origin = now();
      if (interval) memset(ring, 0, ring_size * sizeof *ring);
      continue;
    }
    int got = 0;
    for (int i = 0; i < socket_count; i++) got += receive(sockets[i], record);
    if (watcher) {
      got += receive(watcher, 1);
      for (; watched < (at - started) * watch_rate / 1e9; watched++) transmit(watcher, &watch, 1);
    }
    if (window) {
      for (int i = 0; i < socket_count; i++) {
        int room = window / socket_count - sockets[i]->outstanding;
        if (most && room > most - (long)all.sent) room = most - all.sent;
        if (room > 0) transmit(sockets[i], &mix, room);
      }
      for (uint64_t until = now() + (got ? 0 : SPIN_NS); now() < until;) __builtin_ia32_pause();
    } else {
      uint64_t due = (at - started) * rate / 1e9;
      if (due - paced > 8 + rate * HELD_UP_NS / 1e9 && due > paced) {
        if (record) skipped += due - paced;
        paced = due;
      }
      if (sleepy && !got && paced >= due) doze(at, started + (paced + 1) * 1e9 / rate);
      while (paced < due) {
        int piece = due - paced > 8 ? 8 : due - paced;
        int n = transmit(sockets[turn], &mix, piece);
        turn = (turn + 1) % socket_count;
        paced += n ? n : piece;
      }
    }
    if (at - looked > LOOK_NS) {
      looked = at;
      for (int i = 0; i < socket_count; i++) give_up(sockets[i], at, LOST_NS);
      if (watcher) give_up(watcher, at, LOST_NS);
      if (record) tell_intervals(at);
    }
  }
  uint64_t stopped = now();
  uint64_t used = cpu_of(pid) - cpu, answered = all.done;
  for (uint64_t until = now() + LOST_NS; now() < until;) {
    int outstanding = watcher ? receive(watcher, 1), watcher->outstanding : 0;
    for (int i = 0; i < socket_count; i++) {
      receive(sockets[i], 1);
      outstanding += sockets[i]->outstanding;
    }
    if (!outstanding) break;
  }
  for (int i = 0; i < socket_count; i++) give_up(sockets[i], now(), 0);
  if (watcher) give_up(watcher, now(), 0);
  /* An interval that had begun only just is left out. */
  if (interval) tell_intervals(stopped + LOST_NS + 2 * LOOK_NS + 1);
  write_watched(log);
  summary(phase, (stopped - phase) / 1e9, answered, used);
  return 0;
}
