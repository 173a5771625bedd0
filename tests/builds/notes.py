#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""tests/builds/notes.py: reads the text of readelf -n from standard input, and prints a line for
each kind of probe site: number of sites, provider:name, size and sign of each argument, semaphore
or not. Leaves out places of arguments, which the compiler chooses. Status 1: no probe."""
import collections
import re
import sys

kinds = collections.Counter()
site = {}
for line in sys.stdin:
    key, _, value = line.strip().partition(': ')
    if key == 'Provider':
        site = {'Provider': value}
    elif key in ('Name', 'Location'):
        site[key] = value
        if key == 'Location':
            site['sem'] = 'semaphore' if int(value.rsplit(' ', 1)[1], 16) else '-'
    elif key.rstrip(':') == 'Arguments' and site:
        args = ' '.join(re.findall(r'(-?\d+f?)@', value))
        kinds['%s:%s [%s] %s' % (site['Provider'], site['Name'], args, site['sem'])] += 1
        site = {}
for kind in sorted(kinds):
    print(kinds[kind], kind)
sys.exit(not kinds)
