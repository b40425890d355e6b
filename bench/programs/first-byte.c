/*
 * A server that says how long it waited for its first client's first byte: first-byte PORT
 *
 * It prints two times to standard error, in nanoseconds of CLOCK_MONOTONIC: when listen() had
 * returned, and when recv() had.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

int main(int argc, char *argv[])
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(argc == 2 ? atoi(argv[1]) : 0)};
    int listener = socket(AF_INET, SOCK_STREAM, 0), yes = 1;
    char byte;

    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0 || listen(listener, 5) < 0)
        return 1;
    long long listened = now_ns();
    int connection = accept(listener, NULL, NULL);
    if (recv(connection, &byte, 1, 0) != 1)
        return 1;
    fprintf(stderr, "%lld %lld\n", listened, now_ns());
    pause();
}
