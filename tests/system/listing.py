#!/usr/bin/python3
"""listing DIRECTORY N HERE GO: prints the directory's names; after N of them it makes the file HERE and
waits until there is a file GO."""
import os
import sys
import time


def main():
    directory, n, here, go_on = sys.argv[1:]
    with os.scandir(directory) as entries:
        for number, entry in enumerate(entries):
            if number == int(n):
                os.close(os.open(here, os.O_CREAT))
                while not os.path.exists(go_on):
                    time.sleep(0.01)
            print(entry.name)


main()
