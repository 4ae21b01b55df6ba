/*
 * Load for a tracker over UDP (BEP 15): `udp-load PORT SECONDS WINDOW TORRENTS` keeps WINDOW announces under way from one
 * address and prints how many were answered a second. Each comes from a random peer of a random torrent; three in ten are
 * seeds. The info hashes are those of announce-load.ts. In C, so that the load is not what is measured.
 */
#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

static uint64_t state = 88172645463325252ull;
static uint8_t announce[98];
static int tracker;

static uint32_t draw(uint32_t below) {
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return (uint32_t)(state >> 32) % below;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void put32(uint8_t *at, uint32_t value) {
  value = htonl(value);
  memcpy(at, &value, 4);
}

static void send_announce(uint32_t torrents) {
  char peer_id[21];
  uint32_t torrent = 1 + draw(torrents), port = 1024 + draw(64512);
  snprintf(peer_id, sizeof peer_id, "-XX0001-%012u", port);
  put32(announce + 12, draw(UINT32_MAX));
  announce[17] = torrent >> 16, announce[18] = torrent >> 8, announce[19] = torrent;
  memcpy(announce + 36, peer_id, 20);
  put32(announce + 68, draw(10) < 7 ? 1000 : 0);
  announce[96] = port >> 8, announce[97] = port;
  send(tracker, announce, sizeof announce, 0);
}

static void fail(const char *what) {
  fprintf(stderr, "udp-load: %s\n", what);
  exit(1);
}

int main(int count, char **words) {
  if (count != 5) fail("PORT SECONDS WINDOW TORRENTS");
  double seconds = atof(words[2]);
  int window = atoi(words[3]);
  uint32_t torrents = (uint32_t)atoi(words[4]);
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(words[1]))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  struct timeval patience = {.tv_usec = 200000};
  uint8_t reply[2048], hello[16] = {0, 0, 4, 0x17, 0x27, 0x10, 0x19, 0x80};

  tracker = socket(AF_INET, SOCK_DGRAM, 0);
  setsockopt(tracker, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  if (connect(tracker, (struct sockaddr *)&address, sizeof address) != 0) fail("cannot connect");
  send(tracker, hello, sizeof hello, 0);
  if (recv(tracker, reply, sizeof reply, 0) != 16) fail("no connection id");
  memcpy(announce, reply + 8, 8);
  put32(announce + 8, 1);
  announce[16] = 0xff;
  memset(announce + 20, 't', 16);
  put32(announce + 92, 50);

  long answered = 0;
  double start = now(), end = start + seconds;
  for (int sent = 0; sent < window; sent++) send_announce(torrents);
  while (now() < end) {
    ssize_t length = recv(tracker, reply, sizeof reply, 0);
    if (length >= 20 && reply[3] == 1) answered++;
    else if (length >= 8 && reply[3] == 3) fail("the tracker refuses");
    /* Nothing for so long: all that was under way is lost. */
    for (int sent = length < 0 ? 0 : window - 1; sent < window; sent++) send_announce(torrents);
  }
  printf("%.1f\n", answered / (now() - start));
  return 0;
}
