/*
 * An echo server that never answers: silent PORT
 *
 * It accepts every client, keeps the connection and never reads from it. Built with -DNEVER_ACCEPTS
 * it leaves its clients in the listen queue instead. In all else it does as it should: what is no
 * port and a port that is taken are errors.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int parse_port(const char *text)
{
    char *end;
    long port = strtol(text, &end, 10);
    return *end == '\0' && port >= 1 && port <= 65535 ? port : 0;
}

int main(int argc, char *argv[])
{
    int port = argc == 2 ? parse_port(argv[1]) : 0;
    if (port == 0) {
        fputs("usage: silent PORT (a number from 1 to 65535)\n", stderr);
        return 2;
    }
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 128) < 0) {
        fprintf(stderr, "silent: port %d: %s\n", port, strerror(errno));
        return 1;
    }
    for (;;) {
#ifdef NEVER_ACCEPTS
        pause();
#else
        accept(listener, NULL, NULL);
#endif
    }
}
