package golang

import (
	"go/scanner"
	"go/token"
	"strings"
)

// Kind is what an item of a cell is.
type Kind int

// The kinds of items.
const (
	Statement Kind = iota
	Import
	Type
	Constant
	Variable
	Function
)

// Item is a declaration or a statement at the top level of a cell.
type Item struct {
	Kind     Kind
	From, To int  // bytes of the source, without the semicolon behind it
	Doc      int  // where the comments in front of it begin; From: there are none
	Silent   bool // a semicolon stands behind it
}

// IsMain tells whether an item of a source is the function main.
func (i Item) IsMain(source string) bool {
	if i.Kind != Function {
		return false
	}
	name, ok := strings.CutPrefix(strings.TrimSpace(strings.TrimPrefix(source[i.From:i.To], "func")), "main")
	return ok && strings.HasPrefix(strings.TrimSpace(name), "(")
}

// Split finds the items of Go source, in which declarations and statements come in any order. What is not Go is in some item: the parser
// says what is wrong with it.
func Split(source string) []Item {
	files := token.NewFileSet()
	file := files.AddFile("", files.Base(), len(source))
	var s scanner.Scanner
	s.Init(file, []byte(source), func(token.Position, string) {}, scanner.ScanComments)
	var items []Item
	var words []token.Token // of the item that is read, as far as they tell what it is
	depth, comment, last := 0, -1, 0
	header, inLiteral := false, false // of an if, for or switch; a function literal is in it
	closed := -1                      // how many words there were when the first bracket closed
	current := Item{From: -1}
	end := func(silent bool) {
		if current.From < 0 {
			return
		}
		current.To, current.Silent = last, silent
		current.Kind = kindOf(words, closed)
		items = append(items, current)
		current, words, closed, comment, header = Item{From: -1}, nil, -1, -1, false
	}
	for {
		pos, tok, literal := s.Scan()
		if tok == token.EOF {
			end(false)
			return items
		}
		at := file.Offset(pos)
		if tok == token.COMMENT {
			if current.From < 0 && (comment < 0 || blankBetween(source[last:at])) {
				comment = at
			}
			if current.From < 0 {
				last = min(at+len(literal), len(source))
			}
			continue
		}
		if tok == token.SEMICOLON && depth == 0 && !header {
			end(literal == ";")
			continue
		}
		if current.From < 0 {
			current.From, current.Doc = at, at
			if comment >= 0 && !blankBetween(source[last:at]) {
				current.Doc = comment
			}
		}
		switch {
		case depth > 0:
		case tok == token.IF || tok == token.FOR || tok == token.SWITCH:
			header = true
		case tok == token.FUNC:
			inLiteral = header
		case tok == token.LBRACE:
			header, inLiteral = header && inLiteral, false
		}
		switch tok {
		case token.LPAREN, token.LBRACK, token.LBRACE:
			depth++
		case token.RPAREN, token.RBRACK, token.RBRACE:
			depth = max(0, depth-1)
		}
		if len(words) < 2 || closed >= 0 && len(words) < closed+2 {
			words = append(words, tok)
		}
		if closed < 0 && depth == 0 && tok == token.RPAREN {
			if len(words) < 2 || words[len(words)-1] != token.RPAREN {
				words = append(words, tok)
			}
			closed = len(words)
		}
		size := len(literal)
		if !tok.IsLiteral() && literal == "" {
			size = len(tok.String())
		}
		if strings.HasPrefix(literal, "`") { // which the scanner returns without carriage returns
			if end := strings.IndexByte(source[at+1:], '`'); end >= 0 {
				size = end + 2
			}
		}
		last = min(at+size, len(source))
	}
}

// kindOf tells an item by its first words, and those behind its first brackets: a method's name follows its receiver.
func kindOf(words []token.Token, closed int) Kind {
	switch words[0] {
	case token.IMPORT:
		return Import
	case token.TYPE:
		return Type
	case token.CONST:
		return Constant
	case token.VAR:
		return Variable
	case token.FUNC:
		if len(words) > 1 && words[1] == token.IDENT {
			return Function
		}
		if closed >= 0 && len(words) >= closed+2 && words[closed] == token.IDENT &&
			(words[closed+1] == token.LPAREN || words[closed+1] == token.LBRACK) {
			return Function
		}
	}
	return Statement
}

// blankBetween tells whether an empty line is in a text that holds nothing but space.
func blankBetween(text string) bool {
	lines := 0
	for _, r := range text {
		switch r {
		case '\n':
			lines++
		case ' ', '\t', '\r':
		default:
			return false
		}
	}
	return lines > 1
}
