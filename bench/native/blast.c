/* A load generator that checks every answer and reads what the server's CPU cost.
 *
 *     blast -p PORT -d MIX [-w WINDOW | -r RATE] [-t SECONDS] [-k WARMUP] [-n COUNT] [-P PID] [-x]
 *
 * MIX holds queries: kind (16 bit, little endian), length (16 bit), query. Kinds: 0 blocked (null
 * address or NXDOMAIN is right), 1 answered, 2 never seen before (its first label is made anew for
 * every query: 12 octets from offset 13). -w keeps WINDOW queries outstanding over 4 sockets; -r
 * sends evenly. -n ends after COUNT queries. -x checks nothing (for the echo). -P takes the CPU
 * time of all threads of PID from /proc. Prints one line of JSON. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SOCKETS 4
#define SEND_BATCH 32
#define RECEIVE_BATCH 64
#define IDS 65536
#define LOST_NS 1000000000ull
#define LOOK_NS 50000000ull
#define SPIN_NS 2000
#define BUCKETS 4096
#define HEADER 12
enum { BLOCKED, ANSWERED, UNSEEN, KINDS };

typedef struct {
  uint16_t kind, length;
  const unsigned char *wire;
} Query;

typedef struct {
  int fd, outstanding;
  uint16_t head, tail;        /* ids: next to send, oldest not yet looked at */
  uint64_t sent_at[IDS];
  uint8_t waiting[IDS];       /* 0 no, else kind + 1 */
} Socket;

static Query *queries;
static int query_count, next_query, unchecked;
static Socket *sockets[SOCKETS];
static uint64_t sent, done, lost, bad[KINDS], latencies[BUCKETS], unseen;
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

static double percentile(double part) {
  uint64_t total = 0, seen = 0;
  for (int i = 0; i < BUCKETS; i++) total += latencies[i];
  for (int i = 0; i < BUCKETS; i++) {
    seen += latencies[i];
    if (seen && seen >= part * total) return microseconds(i);
  }
  return 0;
}

/* Nanoseconds that the threads of `pid` ran. */
static uint64_t cpu_of(int pid) {
  char path[320];
  snprintf(path, sizeof path, "/proc/%d/task", pid);
  DIR *tasks = opendir(path);
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

static int skip_name(const unsigned char *wire, int length, int at) {
  while (at < length && wire[at]) {
    if ((wire[at] & 0xc0) == 0xc0) return at + 2;
    at += wire[at] + 1;
  }
  return at + 1;
}

static int right(int kind, const unsigned char *wire, int length) {
  int rcode = wire[3] & 15, answers = wire[6] << 8 | wire[7];
  if (!(wire[2] & 0x80)) return 0;
  if (kind == BLOCKED && rcode == 3) return 1;
  if (rcode || !answers) return 0;
  int at = skip_name(wire, length, skip_name(wire, length, HEADER) + 4);
  if (at + 10 > length) return 0;
  int size = wire[at + 8] << 8 | wire[at + 9], null = 1;
  at += 10;
  if (at + size > length) return 0;
  for (int i = 0; i < size; i++) null &= !wire[at + i];
  return kind == BLOCKED ? null : !null;
}

static int receive(Socket *s, int record) {
  for (int i = 0; i < RECEIVE_BATCH; i++) receive_parts[i].iov_len = sizeof received[i];
  int count = recvmmsg(s->fd, receive_headers, RECEIVE_BATCH, MSG_DONTWAIT, NULL);
  uint64_t at = now();
  for (int i = 0; i < count; i++) {
    const unsigned char *wire = received[i];
    int length = receive_headers[i].msg_len;
    if (length < HEADER) continue;
    uint16_t id = wire[0] << 8 | wire[1];
    if (!s->waiting[id]) continue;
    int kind = s->waiting[id] - 1;
    s->waiting[id] = 0;
    s->outstanding--;
    if (!record) continue;
    done++;
    latencies[bucket(at - s->sent_at[id])]++;
    if (!unchecked && !right(kind, wire, length)) bad[kind]++;
  }
  return count > 0 ? count : 0;
}

static void rename_query(unsigned char *wire) {
  uint64_t number = unseen++;
  for (int i = 12; i > 1; i--, number >>= 4) wire[HEADER + i] = "0123456789abcdef"[number & 15];
}

static int transmit(Socket *s, int most) {
  if (most > SEND_BATCH) most = SEND_BATCH;
  uint64_t at = now();
  uint16_t id = s->head;
  int ready = 0;
  for (; ready < most; ready++, id++) {
    if (s->waiting[id]) {
      if ((int64_t)(at - s->sent_at[id]) <= (int64_t)LOST_NS) break;
      s->waiting[id] = 0;
      s->outstanding--;
      lost++;
    }
    const Query *query = &queries[next_query];
    if (++next_query == query_count) next_query = 0;
    memcpy(sending[ready], query->wire, query->length);
    sending[ready][0] = id >> 8;
    sending[ready][1] = id;
    if (query->kind == UNSEEN) rename_query(sending[ready]);
    s->sent_at[id] = at;
    s->waiting[id] = query->kind + 1;
    send_parts[ready] = (struct iovec){sending[ready], query->length};
  }
  int gone = 0;
  while (gone < ready) {
    int n = sendmmsg(s->fd, send_headers + gone, ready - gone, MSG_DONTWAIT);
    if (n <= 0) break;
    gone += n;
  }
  for (int i = gone; i < ready; i++) s->waiting[(uint16_t)(s->head + i)] = 0;
  s->head += gone;
  s->outstanding += gone;
  sent += gone;
  return gone;
}

static void give_up(Socket *s, uint64_t at, uint64_t after) {
  for (; s->tail != s->head; s->tail++) {
    if (!s->waiting[s->tail]) continue;
    if ((int64_t)(at - s->sent_at[s->tail]) < (int64_t)after) break;
    s->waiting[s->tail] = 0;
    s->outstanding--;
    lost++;
  }
}

static int load(const char *path) {
  struct stat file;
  int fd = open(path, O_RDONLY);
  if (fd < 0 || fstat(fd, &file)) return 0;
  const unsigned char *data = mmap(0, file.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
  if (data == MAP_FAILED) return 0;
  queries = malloc(sizeof *queries * (file.st_size / 16 + 1));
  for (long at = 0; at + 4 <= file.st_size;) {
    Query query = {data[at] | data[at + 1] << 8, data[at + 2] | data[at + 3] << 8, data + at + 4};
    if (query.kind >= KINDS || query.length > sizeof sending[0]) return 0;
    queries[query_count++] = query;
    at += 4 + query.length;
  }
  return query_count;
}

static int connect_sockets(int port) {
  int buffer = 8 << 20;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  for (int i = 0; i < SOCKETS; i++) {
    Socket *s = sockets[i] = calloc(1, sizeof *s);
    s->fd = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    if (connect(s->fd, (struct sockaddr *)&to, sizeof to)) return 0;
    s->head = s->tail = now() >> 4;
  }
  for (int i = 0; i < RECEIVE_BATCH; i++) {
    receive_parts[i].iov_base = received[i];
    receive_headers[i].msg_hdr = (struct msghdr){.msg_iov = &receive_parts[i], .msg_iovlen = 1};
  }
  for (int i = 0; i < SEND_BATCH; i++)
    send_headers[i].msg_hdr = (struct msghdr){.msg_iov = &send_parts[i], .msg_iovlen = 1};
  return 1;
}

static void forget_warmup(void) {
  sent = lost = done = 0;
  for (int i = 0; i < SOCKETS; i++) {
    Socket *s = sockets[i];
    memset(s->waiting, 0, sizeof s->waiting);
    s->outstanding = 0;
    s->tail = s->head;
  }
}

int main(int argc, char **argv) {
  int port = 0, window = 0, pid = 0, option;
  double rate = 0, seconds = 2, warmup = 0.3;
  long count = 0;
  const char *mix = NULL;
  while ((option = getopt(argc, argv, "p:d:w:r:t:k:n:P:x")) != -1) switch (option) {
      case 'p': port = atoi(optarg); break;
      case 'd': mix = optarg; break;
      case 'w': window = atoi(optarg); break;
      case 'r': rate = atof(optarg); break;
      case 't': seconds = atof(optarg); break;
      case 'k': warmup = atof(optarg); break;
      case 'n': count = atol(optarg); break;
      case 'P': pid = atoi(optarg); break;
      case 'x': unchecked = 1; break;
      default: return 2;
    }
  if (!mix || !load(mix) || !connect_sockets(port) || !(window || rate)) {
    fprintf(stderr, "blast: needs -p PORT, -d MIX (readable) and -w or -r\n");
    return 2;
  }
  unseen = (now() / 1000) << 6;
  if (!count) next_query = now() / 1000 % query_count;
  uint64_t warm_until = now() + (count ? 0 : warmup * 1e9), started = now(), looked = started;
  uint64_t end = count ? ~0ull : warm_until + seconds * 1e9, cpu = pid ? cpu_of(pid) : 0, paced = 0;
  int record = count != 0, turn = 0;
  for (;;) {
    uint64_t at = now();
    if (at >= end || (count && (long)sent >= count)) break;
    if (!record && at >= warm_until) {
      record = 1;
      forget_warmup();
      paced = 0;
      cpu = pid ? cpu_of(pid) : 0;
      started = now();
      continue;
    }
    int got = 0;
    for (int i = 0; i < SOCKETS; i++) got += receive(sockets[i], record);
    if (window) {
      for (int i = 0; i < SOCKETS; i++) {
        int room = window / SOCKETS - sockets[i]->outstanding;
        if (count && room > count - (long)sent) room = count - sent;
        if (room > 0) transmit(sockets[i], room);
      }
      for (uint64_t until = now() + (got ? 0 : SPIN_NS); now() < until;) __builtin_ia32_pause();
    } else {
      uint64_t due = (at - started) * rate / 1e9;
      while (paced < due) {
        int most = due - paced > 8 ? 8 : due - paced, n = transmit(sockets[turn], most);
        turn = (turn + 1) % SOCKETS;
        paced += n ? n : most;
      }
    }
    if (at - looked > LOOK_NS) {
      looked = at;
      for (int i = 0; i < SOCKETS; i++) give_up(sockets[i], at, LOST_NS);
    }
  }
  double elapsed = (now() - started) / 1e9;
  cpu = pid ? cpu_of(pid) - cpu : 0;
  uint64_t answered = done;
  for (uint64_t until = now() + LOST_NS; now() < until;) {
    int outstanding = 0;
    for (int i = 0; i < SOCKETS; i++) {
      receive(sockets[i], 1);
      outstanding += sockets[i]->outstanding;
    }
    if (!outstanding) break;
  }
  for (int i = 0; i < SOCKETS; i++) give_up(sockets[i], now(), 0);
  printf("{\"qps\":%.0f,\"sent\":%lu,\"done\":%lu,\"lost\":%lu,\"wrong\":[%lu,%lu,%lu],"
         "\"cpu_us\":%.4f,\"busy\":%.3f,\"p50_us\":%.1f,\"p99_us\":%.1f,\"seconds\":%.3f}\n",
         answered / elapsed, sent, done, lost, bad[BLOCKED], bad[ANSWERED], bad[UNSEEN],
         answered ? cpu / 1e3 / answered : 0, cpu / 1e9 / elapsed, percentile(.5), percentile(.99),
         elapsed);
  return 0;
}
