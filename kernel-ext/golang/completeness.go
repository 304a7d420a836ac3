package golang

import (
	"errors"
	"go/scanner"
	"go/token"
	"strings"
)

// Completeness answers is_complete_request: whether the code typed so far can run ("complete"), waits for more
// ("incomplete", with the indent of the next line), or cannot become right by going on ("invalid").
func Completeness(code string) (status, indent string) {
	if _, asks := Question(code); asks {
		return "complete", ""
	}
	t := Read(code)
	last := strings.TrimSpace(t.Lines[len(t.Lines)-1])
	switch {
	case t.Magic != "":
		if last == "" {
			return "complete", "" // an empty line ends it, as in IPython
		}
		return "incomplete", ""
	case t.open:
		return "incomplete", ""
	case t.main >= 0 && t.main == len(t.Lines)-1:
		return "incomplete", "" // the body of main is to come
	}
	if t.err == nil {
		return "complete", ""
	}
	nesting := readNesting(t.source, t.unended)
	if nesting.torn {
		return "incomplete", "" // a text or a comment goes on: its indent is its own
	}
	var found scanner.ErrorList
	if nesting.depth < 0 || nesting.broken || !errors.As(t.err, &found) || len(found) == 0 {
		return "invalid", ""
	}
	// A mistake where the code ends is something missing; one before it is one.
	end := len(strings.TrimRight(strings.TrimSuffix(t.source, mainEnd), " \t\n"))
	if found[0].Pos.Offset < end {
		return "invalid", ""
	}
	return "incomplete", strings.Repeat("\t", nesting.depth)
}

// nesting is what brackets and texts say about code that does not parse.
type nesting struct {
	depth  int  // brackets open at the end
	broken bool // a bracket closes what another opened
	torn   bool // a raw string or a comment is open at the end
}

// readNesting reads the brackets of source; inMain says that it ends with a bracket that readNesting is not to count.
func readNesting(source string, inMain bool) nesting {
	var n nesting
	var open []token.Token
	if inMain {
		source = strings.TrimSuffix(source, mainEnd)
	}
	files := token.NewFileSet()
	var s scanner.Scanner
	s.Init(files.AddFile("", files.Base(), len(source)), []byte(source), func(_ token.Position, message string) {
		n.torn = n.torn || strings.Contains(message, "raw string literal not terminated") ||
			strings.Contains(message, "comment not terminated")
	}, 0)
	closes := map[token.Token]token.Token{token.RPAREN: token.LPAREN, token.RBRACK: token.LBRACK, token.RBRACE: token.LBRACE}
	for {
		_, tok, _ := s.Scan()
		switch tok {
		case token.EOF:
			n.depth = len(open)
			if inMain {
				n.depth-- // main's own
			}
			return n
		case token.LPAREN, token.LBRACK, token.LBRACE:
			open = append(open, tok)
		case token.RPAREN, token.RBRACK, token.RBRACE:
			if len(open) == 0 || open[len(open)-1] != closes[tok] {
				n.broken = true
				continue
			}
			open = open[:len(open)-1]
		}
	}
}
