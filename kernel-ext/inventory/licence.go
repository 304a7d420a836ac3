package inventory

import (
	"slices"
	"strings"
)

// permitted are the licences, by their SPDX names, of what the project passes on: permissive ones, and those that bind only
// the changes to the component's own files.
func permitted() []string {
	return []string{"0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "BlueOak-1.0.0", "CC-BY-4.0", "CC0-1.0", "EPL-2.0", "FTL",
		"ISC", "MIT", "MIT-0", "MPL-2.0", "OFL-1.1", "PSF-2.0", "Python-2.0", "Unlicense", "WTFPL", "Zlib"}
}

// nvidia is the licence of CUDA's libraries, which are no part of what the project passes on: a person adds them for a GPU (gantry setup --cuda,
// PLUGIN=cuda). The notices have its text, to which whoever passes on an image with them must keep.
const nvidia = "LicenseRef-NVIDIA-Proprietary"

// allowed tells whether a licence lets the component be passed on: each part of the expression, and one of those to choose
// from.
func allowed(expression string) bool {
	for part := range strings.SplitSeq(strings.NewReplacer("(", "", ")", "").Replace(expression), " AND ") {
		if !slices.ContainsFunc(strings.Split(part, " OR "), func(id string) bool { return slices.Contains(permitted(), strings.TrimSpace(id)) }) {
			return false
		}
	}
	return true
}

// readByHand are the licences that neither a declaration nor the words of a text give, by the component's name.
func readByHand() map[string]string {
	return map[string]string{
		"github.com/golang/freetype": "FTL",        // its LICENSE lets one choose between FTL and GPL
		"xla-cpu-pjrt":               "Apache-2.0", // its package declares none; the plugin is built of OpenXLA
	}
}

// canonical is the SPDX name for what a package declares, "" where that says nothing certain.
func canonical(declared string) string {
	declared = strings.TrimSpace(declared)
	known := map[string]string{
		"Apache 2.0": "Apache-2.0", "Apache License, Version 2.0": "Apache-2.0", "Apache License 2.0": "Apache-2.0",
		"BSD 3-Clause License": "BSD-3-Clause", "ISC license": "ISC", "ISC License (ISCL)": "ISC", "MIT License": "MIT", "MIT license": "MIT",
		"MIT": "MIT", "PSFL": "PSF-2.0", "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
	}
	if id, is := known[declared]; is {
		return id
	}
	if declared == "" || len(declared) > 100 || strings.Contains(declared, "\n") {
		return ""
	}
	for part := range strings.FieldsSeq(strings.NewReplacer("(", "", ")", "").Replace(declared)) {
		if part != "AND" && part != "OR" && !strings.ContainsAny(part, "-0") && !slices.Contains(permitted(), part) {
			return "" // no SPDX name, such as BSD
		}
	}
	if strings.HasPrefix(declared, "(") && strings.HasSuffix(declared, ")") {
		declared = declared[1 : len(declared)-1]
	}
	return declared
}

// marks are words that only one licence has.
type mark struct {
	id    string
	words []string // all of them, in this form: lower case, single blanks, no quotes
	not   string   // but not these
}

func marks() []mark {
	const bsd = "redistribution and use in source and binary forms, with or without modification, are permitted"
	return []mark{
		{id: "AGPL", words: []string{"gnu affero general public license"}},
		{id: "GPL", words: []string{"gnu general public license"}, not: "gnu lesser general public license"},
		{id: "LGPL", words: []string{"gnu lesser general public license"}},
		{id: "SSPL-1.0", words: []string{"server side public license"}},
		{id: "BUSL-1.1", words: []string{"business source license"}},
		{id: "Commons-Clause", words: []string{"commons clause"}},
		{id: "Apache-2.0", words: []string{"apache license", "version 2.0"}},
		{id: "MPL-2.0", words: []string{"mozilla public license", "2.0"}},
		{id: "EPL-2.0", words: []string{"eclipse public license - v 2.0"}},
		{id: "BSD-3-Clause", words: []string{bsd, "names of its contributors|name of the|names of the|name of any"}},
		{id: "BSD-2-Clause", words: []string{bsd}, not: "names of its contributors|name of the|names of the|name of any"},
		{id: "MIT", words: []string{"permission is hereby granted, free of charge, to any person obtaining a copy", "subject to the following conditions"}},
		{id: "MIT-0", words: []string{"permission is hereby granted, free of charge, to any person obtaining a copy"}, not: "subject to the following conditions"},
		{id: "ISC", words: []string{"permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted|permission to use, copy, modify, and distribute this software for any purpose with or without fee is hereby granted", "provided that the above copyright notice"}},
		{id: "OFL-1.1", words: []string{"sil open font license", "1.1"}},
		{id: "PSF-2.0", words: []string{"python software foundation license version 2"}},
		{id: "Unlicense", words: []string{"this is free and unencumbered software released into the public domain"}},
		{id: "CC0-1.0", words: []string{"cc0 1.0 universal"}},
		{id: "CC-BY-4.0", words: []string{"creative commons attribution 4.0 international"}},
		{id: "Zlib", words: []string{"this software is provided as-is, without any express or implied warranty", "altered source versions must be plainly marked"}},
	}
}

// identify names the licences in a text, by words that only they have. The word of a licence that may not be passed on is
// enough to find it, wherever it stands.
func identify(text string) (ids []string) {
	plain := strings.Join(strings.Fields(strings.NewReplacer("\"", "", "'", "", "`", "", "“", "", "”", "", "//", "", "*", "").Replace(strings.ToLower(text))), " ")
	has := func(choice string) bool {
		return choice != "" && slices.ContainsFunc(strings.Split(choice, "|"), func(w string) bool { return strings.Contains(plain, w) })
	}
	for _, m := range marks() {
		all := true
		for _, w := range m.words {
			all = all && has(w)
		}
		if all && !has(m.not) {
			ids = append(ids, m.id)
		}
	}
	return ids
}
