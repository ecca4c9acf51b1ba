/* The floor (F1): sets the QR bit of each datagram and sends it back, 64 at a time.
 *
 *     echo PORT [CPU ...]
 *
 * One thread and one socket for each CPU named (SO_REUSEPORT); without one, a single thread that
 * stays where it was put. What a real server costs more than this is its own work, not the
 * kernel's. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BATCH 64
#define HEADER 12
#define MOST_THREADS 64

static int port;

static int bound(void) {
  int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = 8 << 20, on = 1;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(port)};
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&own, sizeof own)) {
    perror("bind");
    exit(1);
  }
  return fd;
}

static void *echo(void *socket) {
  int fd = (intptr_t)socket;
  unsigned char(*packets)[1500] = malloc(BATCH * sizeof *packets);
  struct sockaddr_in peers[BATCH];
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  for (int i = 0; i < BATCH; i++) {
    parts[i].iov_base = packets[i];
    messages[i].msg_hdr =
        (struct msghdr){.msg_name = &peers[i], .msg_iov = &parts[i], .msg_iovlen = 1};
  }
  for (;;) {
    for (int i = 0; i < BATCH; i++) {
      parts[i].iov_len = sizeof packets[i];
      messages[i].msg_hdr.msg_namelen = sizeof peers[i];
    }
    int count = recvmmsg(fd, messages, BATCH, MSG_WAITFORONE, NULL);
    for (int i = 0; i < count; i++) {
      parts[i].iov_len = messages[i].msg_len;
      if (messages[i].msg_len >= HEADER) packets[i][2] |= 0x80;
    }
    for (int done = 0; done < count;) {
      int sent = sendmmsg(fd, messages + done, count - done, 0);
      if (sent <= 0) break;
      done += sent;
    }
  }
  return NULL;
}

int main(int argc, char **argv) {
  if (argc < 2 || argc - 2 > MOST_THREADS) {
    fprintf(stderr, "usage: echo PORT [CPU ...]\n");
    return 2;
  }
  port = atoi(argv[1]);
  if (argc == 2) echo((void *)(intptr_t)bound());
  pthread_t threads[MOST_THREADS];
  for (int i = 0; i < argc - 2; i++) {
    cpu_set_t cpu;
    CPU_ZERO(&cpu);
    CPU_SET(atoi(argv[2 + i]), &cpu);
    if (pthread_create(&threads[i], NULL, echo, (void *)(intptr_t)bound())) return 1;
    if (pthread_setaffinity_np(threads[i], sizeof cpu, &cpu)) return 1;
  }
  pthread_join(threads[0], NULL);
  return 0;
}
