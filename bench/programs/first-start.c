/*
 * A program that notes when it was first started, and ends: first-start FILE
 *
 * FILE gets nanoseconds of CLOCK_MONOTONIC; if it is there already, it stays as it is.
 */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

int main(int argc, char *argv[])
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int file = argc > 1 ? open(argv[1], O_WRONLY | O_CREAT | O_EXCL, 0666) : -1;
    if (file >= 0)
        dprintf(file, "%lld\n", now.tv_sec * 1000000000LL + now.tv_nsec);
    return 1;
}
