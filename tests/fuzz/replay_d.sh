#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# Runs the D front end's corpus of fuzzing inputs once.
exec tests/fuzz/fuzz_d "${srcdir:-.}"/tests/fuzz/corpus-d/*
