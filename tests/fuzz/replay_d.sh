#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tests/fuzz/replay_d.sh: runs the D front end over its corpus: it must survive every file.
exec tests/fuzz/fuzz_d "${srcdir:-.}"/tests/fuzz/corpus-d/*
