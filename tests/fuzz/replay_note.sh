#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# tests/fuzz/replay_note.sh: the note reader over its corpus: it must survive every file.
exec tests/fuzz/fuzz_note "${srcdir:-.}"/tests/fuzz/corpus-note/*
