/* The floor (F1): sets the QR bit of each datagram and sends it back, 64 at a time.
 *
 *     echo PORT
 *
 * What a real server costs more than this is its own work, not the kernel's. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define BATCH 64
#define HEADER 12

static unsigned char packets[BATCH][1500];

int main(int argc, char **argv) {
  if (argc != 2) {
    fprintf(stderr, "usage: echo PORT\n");
    return 2;
  }
  int fd = socket(AF_INET, SOCK_DGRAM, 0), buffer = 8 << 20;
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1]))};
  own.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(fd, (struct sockaddr *)&own, sizeof own)) {
    perror("bind");
    return 1;
  }
  struct sockaddr_in peers[BATCH];
  struct mmsghdr messages[BATCH];
  struct iovec parts[BATCH];
  for (int i = 0; i < BATCH; i++) {
    parts[i].iov_base = packets[i];
    messages[i].msg_hdr = (struct msghdr){
        .msg_name = &peers[i], .msg_iov = &parts[i], .msg_iovlen = 1};
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
}
