#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""tests/builds/notes.py: readelf -n's text, by standard input, as one line for each kind of probe
site: how many, provider:name, size and sign of each argument, whether it has a semaphore. Where the
arguments are is the compiler's affair. Status 1: there is no probe."""
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
