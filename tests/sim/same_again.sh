#!/bin/sh
# The same seeds twice, in two processes: the traces must be equal to the byte.
first=$("$1" --seeds 1..50 | grep '^trace') && second=$("$1" --seeds 1..50 | grep '^trace') && echo "$first" && [ "$first" = "$second" ]
