package kernel

import (
	_ "embed"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
)

//go:embed testdata/random.txt
var randomGrammar string

// readGrammar reads the sections of the grammar, by their names.
func readGrammar(text string) map[string][]string {
	sections, name := map[string][]string{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if rest, ok := strings.CutPrefix(line, "\t"); ok {
			sections[name] = append(sections[name], rest)
		} else if !strings.HasPrefix(line, "#") {
			name = line
		}
	}
	return sections
}

// known is what the cells so far have declared, as far as cells may use it.
type known struct {
	variables map[string]randomVariable
	lost      map[string]bool     // names of variables that were declared and are not there
	functions map[string][]string // by signature
	model     map[string]string   // what the model calls what the grammar has with a $
}

// randomVariable is a variable that cells can use.
type randomVariable struct {
	typ    string
	stable bool // functions may use it, for it never has another type
}

// phrases fills the holes of a grammar's lines with what is known. What it gives has a $ in front of each name that the model calls
// otherwise.
type phrases struct {
	*known
	rnd     *rand.Rand
	grammar map[string][]string
	hidden  []string // variables that are not to be used
}

var hole = regexp.MustCompile(`‹[^›]*›|«[^»]*»`)

// deepest is how deep expressions are nested.
const deepest = 3

// fill fills the holes of a line; ok is false where there is nothing for one of them.
func (p *phrases) fill(line string, stable bool, depth int) (text string, ok bool) {
	bound := map[string]string{}
	ok = true
	text = hole.ReplaceAllStringFunc(line, func(h string) string {
		what := strings.TrimRight(strings.TrimLeft(h, "‹«"), "›»")
		bare := strings.HasPrefix(what, "~")
		what = strings.TrimPrefix(what, "~")
		number, only := "", stable
		if i := strings.IndexByte(what, ':'); i > 0 && strings.Trim(what[:i], "!123") == "" {
			number, only, what = what[:i], only || what[0] == '!', what[i+1:]
		} else if rest, is := strings.CutPrefix(what, "!"); is {
			only, what = true, rest
		}
		switch signature, function := strings.CutPrefix(what, "fn "); {
		case function:
			return p.pick(p.functions[signature], &ok)
		case strings.HasPrefix(h, "‹"):
			said, found := p.expression(what, only, depth+1)
			ok = ok && found
			return said
		case number != "" && bound[number+what] != "":
			return bound[number+what]
		}
		name := p.pick(p.of(what, only), &ok)
		if !bare {
			name = "$" + name
		}
		bound[number+what] = name
		return name
	})
	return text, ok
}

// of lists the variables of a type.
func (p *phrases) of(typ string, stable bool) (names []string) {
	for name, v := range p.variables {
		if v.typ == typ && (v.stable || !stable) && !slices.Contains(p.hidden, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names) // so that a seed says all
	return names
}

func (p *phrases) pick(from []string, ok *bool) string {
	if len(from) == 0 {
		*ok = false
		return ""
	}
	return from[p.rnd.IntN(len(from))]
}

// expression writes an expression of a type.
func (p *phrases) expression(typ string, stable bool, depth int) (string, bool) {
	return p.oneOf("type "+typ, stable, depth, func(line string) bool { return depth < deepest || !strings.Contains(line, "‹") })
}

// oneOf fills a line of a section that may be used.
func (p *phrases) oneOf(section string, stable bool, depth int, may func(line string) bool) (string, bool) {
	lines := slices.DeleteFunc(slices.Clone(p.grammar[section]), func(line string) bool { return !may(line) })
	for range 20 {
		if len(lines) == 0 {
			break
		}
		if text, ok := p.fill(lines[p.rnd.IntN(len(lines))], stable, depth); ok {
			return text, true
		}
	}
	return "", false
}

var marked = regexp.MustCompile(`\$\w+`)

// inCell is a text as a cell has it.
func inCell(text string) string { return strings.ReplaceAll(text, "$", "") }

// inModel is a text as the model has it.
func (k *known) inModel(text string) string {
	return marked.ReplaceAllStringFunc(text, func(name string) string { return k.model[name[1:]] })
}
