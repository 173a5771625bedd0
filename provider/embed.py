#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""provider/embed.py: a C header, without its comments, as a table of C strings.

The header that dtrace -h writes includes no other, so the generator holds the text of
include/usdt/sdt.h. The table is made from that file, so there is one source."""
import re
import sys

text = open(sys.argv[1]).read()
text = re.sub(r'/\*.*?\*/', '', text, flags=re.S)
print('/* Made by provider/embed.py. */')
print('#include "provider/inner.h"\n')
print('const char *const gen_sdt_lines[] = {')
for line in text.split('\n'):
    line = re.sub(r'\s+\\$', r' \\', line.rstrip())
    if line:
        print('\t"%s\\n",' % line.replace('\\', '\\\\').replace('"', '\\"').replace('\t', '\\t'))
print('\tNULL\n};')
