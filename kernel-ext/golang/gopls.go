package golang

import (
	"context"
	"errors"
	"fmt"
	"go/parser"
	"go/token"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Gopls asks gopls about cells. It is shown the cell as main.go in the folder of the cell module, and the declarations of
// earlier cells as another file. It is started when it is first asked, and anew when it is gone.
type Gopls struct {
	in      Workshop
	earlier func() *Earlier
	log     func(format string, args ...any)
	life    context.Context
	end     context.CancelFunc

	turn     chan struct{} // holds a value while somebody asks; what follows is theirs
	client   *lsp
	versions map[string]int    // of the files gopls has been shown
	texts    map[string]string // their text
	disk     map[string]string // what of the folder gopls has been told of
	guessed  map[string]string // name -> import spec, for packages that cells use without an import
}

// Workshop is where cells are built.
type Workshop struct {
	Dir         string   // of the cell module
	Beside      string   // a file in it that is not the person's
	Tools       string   // folder of gopls; where it is not there it is looked for on PATH
	Environment []string // to start it in
}

// NewGopls prepares to ask gopls. earlier is what cells have declared.
func NewGopls(in Workshop, earlier func() *Earlier, log func(format string, args ...any)) *Gopls {
	life, end := context.WithCancel(context.Background())
	return &Gopls{in: in, turn: make(chan struct{}, 1), earlier: earlier, log: log, life: life, end: end, guessed: map[string]string{}}
}

// Patience is how long gopls may take for one answer. Before the first it loads the cell module, and before others what cells
// have come to import, which takes a busy machine with cold caches 10 s. Who types on does not wait for it.
const Patience = 30 * time.Second

const restFile = "gantry_earlier.go"

type lspPosition struct {
	Line      int `json:"line"`
	Character int `json:"character"`
}

type lspRange struct {
	Start lspPosition `json:"start"`
	End   lspPosition `json:"end"`
}

type lspEdit struct {
	Range   lspRange `json:"range"`
	NewText string   `json:"newText"`
}

// ask sends a request about a place of a cell. Without an answer, which the log explains, result stays as it is.
// When ctx ends nobody wants it any more.
func (g *Gopls) ask(ctx context.Context, t *Text, at Place, method string, result any) {
	ctx, cancel := context.WithTimeoutCause(ctx, Patience, errors.New("no answer in time"))
	defer cancel()
	defer context.AfterFunc(g.life, cancel)()
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return
	}
	err := g.askOnce(ctx, t, at, method, result)
	if err != nil && g.client != nil && g.client.lost() { // gopls has ended
		err = g.askOnce(ctx, t, at, method, result)
	}
	if err != nil && !errors.Is(ctx.Err(), context.Canceled) {
		g.log("completion and documentation: %v", err)
	}
}

func (g *Gopls) askOnce(ctx context.Context, t *Text, at Place, method string, result any) error {
	if err := g.connect(); err != nil {
		return err
	}
	if err := g.show(ctx, t); err != nil {
		return err
	}
	asked := t.inProgram(at)
	return g.client.call(ctx, method, map[string]any{
		"textDocument": map[string]any{"uri": fileURI(g.path("main.go"))},
		"position":     lspPosition{asked.Line, utf16Column(t.goLine(at.Line), asked.Column)},
	}, result)
}

func (g *Gopls) path(name string) string { return filepath.Join(g.in.Dir, name) }

func fileURI(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

// connect makes sure of a gopls. Whoever asks next needs it too, so it does not end with what is asked.
func (g *Gopls) connect() error {
	if g.client != nil && !g.client.lost() {
		return nil
	}
	program := filepath.Join(g.in.Tools, "gopls")
	if _, err := os.Stat(program); err != nil {
		if program, err = exec.LookPath("gopls"); err != nil {
			return fmt.Errorf("gopls: %w; run make setup", err)
		}
	}
	client, err := startLSP(program, g.in.Dir, g.in.Environment)
	if err != nil {
		return fmt.Errorf("gopls: %w; run make setup", err)
	}
	ctx, cancel := context.WithTimeout(g.life, Patience)
	defer cancel()
	err = client.call(ctx, "initialize", map[string]any{
		"processId": nil, "rootUri": fileURI(g.in.Dir),
		"workspaceFolders": []map[string]string{{"uri": fileURI(g.in.Dir), "name": filepath.Base(g.in.Dir)}},
		"capabilities": map[string]any{
			"textDocument": map[string]any{
				"hover":      map[string]any{"contentFormat": []string{"markdown"}},
				"completion": map[string]any{"completionItem": map[string]any{"snippetSupport": false}},
				"codeAction": map[string]any{"codeActionLiteralSupport": map[string]any{
					"codeActionKind": map[string]any{"valueSet": []string{"source.organizeImports"}},
				}},
			},
			"workspace": map[string]any{"workspaceEdit": map[string]any{"documentChanges": true}},
		},
		"initializationOptions": map[string]any{
			"diagnosticsTrigger": "Save", "completeFunctionCalls": false, "completionDocumentation": false,
			"experimentalPostfixCompletions": false,
		},
	}, nil)
	if err == nil {
		err = client.notify("initialized", map[string]any{})
	}
	if err != nil {
		client.close()
		return err
	}
	g.client, g.versions, g.texts, g.disk = client, map[string]int{}, map[string]string{}, nil
	return nil
}

// Close ends what is asked, and gopls.
func (g *Gopls) Close() {
	g.end()
	g.turn <- struct{}{}
	defer func() { <-g.turn }()
	if g.client != nil {
		g.client.close()
	}
}

// show brings gopls up to date with the cell, what earlier cells declare, and the folder. A package that the cell uses
// without importing it, as cells may, is imported here like GoNB will.
func (g *Gopls) show(ctx context.Context, t *Text) error {
	if err := g.watch(); err != nil {
		return err
	}
	if err := g.open(g.path(restFile), g.earlier().rest(t.file)); err != nil {
		return err
	}
	used := slices.Sorted(maps.Keys(PackagesUsed(t.file, g.earlier().knows)))
	main := g.path("main.go")
	text := t.Program(g.earlier().head(t.file, g.guesses(used)))
	if err := g.open(main, text); err != nil {
		return err
	}
	if len(g.guesses(used)) == len(used) {
		return nil
	}
	if err := g.guess(ctx, main, text, used); err != nil {
		return err
	}
	return g.open(main, t.Program(g.earlier().head(t.file, g.guesses(used))))
}

// guesses returns the imports found so far for some names.
func (g *Gopls) guesses(names []string) map[string]string {
	found := map[string]string{}
	for _, name := range names {
		if spec := g.guessed[name]; spec != "" {
			found[name] = spec
		}
	}
	return found
}

// guess has gopls find the packages with these names, and remembers them.
func (g *Gopls) guess(ctx context.Context, path, text string, names []string) error {
	end := lspPosition{Line: strings.Count(text, "\n") + 1}
	var actions []struct {
		Edit struct {
			DocumentChanges []struct {
				Edits []lspEdit `json:"edits"`
			} `json:"documentChanges"`
		} `json:"edit"`
	}
	err := g.client.call(ctx, "textDocument/codeAction", map[string]any{
		"textDocument": map[string]any{"uri": fileURI(path)},
		"range":        lspRange{End: end},
		"context":      map[string]any{"diagnostics": []any{}, "only": []string{"source.organizeImports"}},
	}, &actions)
	if err != nil {
		return err
	}
	for _, a := range actions {
		for _, change := range a.Edit.DocumentChanges {
			edited := applyEdits(text, change.Edits)
			file, err := parser.ParseFile(token.NewFileSet(), "", edited, parser.ImportsOnly)
			if err != nil {
				continue
			}
			for name, spec := range ImportNames(file.Imports) {
				if slices.Contains(names, name) {
					g.guessed[name] = spec
				}
			}
		}
	}
	return nil
}

// applyEdits makes the edits of a language server, which do not overlap and all count in the text as it was.
func applyEdits(text string, edits []lspEdit) string {
	lines := strings.SplitAfter(text, "\n")
	offset := func(at lspPosition) int {
		n := 0
		for i := 0; i < at.Line && i < len(lines); i++ {
			n += len(lines[i])
		}
		if at.Line < len(lines) {
			n += byteColumn(lines[at.Line], at.Character)
		}
		return n
	}
	edits = slices.Clone(edits)
	slices.SortStableFunc(edits, func(a, b lspEdit) int { return offset(a.Range.Start) - offset(b.Range.Start) })
	for _, e := range slices.Backward(edits) {
		text = text[:offset(e.Range.Start)] + e.NewText + text[offset(e.Range.End):]
	}
	return text
}

// open shows gopls a file, or the new text of one that it knows.
func (g *Gopls) open(path, text string) error {
	if g.versions[path] > 0 && g.texts[path] == text {
		return nil
	}
	g.versions[path]++
	g.texts[path] = text
	document := map[string]any{"uri": fileURI(path), "version": g.versions[path]}
	if g.versions[path] == 1 {
		document["languageId"], document["text"] = "go", text
		return g.client.notify("textDocument/didOpen", map[string]any{"textDocument": document})
	}
	return g.client.notify("textDocument/didChange", map[string]any{
		"textDocument": document, "contentChanges": []map[string]string{{"text": text}},
	})
}

// watch tells gopls which files in the folder have changed since it was last asked, for it does not look by itself:
// the module may require more, and a cell may have written a Go file.
func (g *Gopls) watch() error {
	entries, err := os.ReadDir(g.in.Dir)
	if err != nil {
		return err
	}
	now := map[string]string{}
	for _, e := range entries {
		name := e.Name()
		if name == "main.go" || name == g.in.Beside || !slices.Contains([]string{".go", ".mod", ".sum", ".work"}, filepath.Ext(name)) {
			continue
		}
		info, err := e.Info()
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		now[name] = fmt.Sprint(info.ModTime().UnixNano(), info.Size())
	}
	was := g.disk
	g.disk = now
	if was == nil {
		return nil // gopls has just read them
	}
	changes := []map[string]any{}
	const created, changed, deleted = 1, 2, 3
	change := func(name string, how int) {
		changes = append(changes, map[string]any{"uri": fileURI(g.path(name)), "type": how})
	}
	for name, state := range now {
		if old, known := was[name]; !known {
			change(name, created)
		} else if old != state {
			change(name, changed)
		}
	}
	for name := range was {
		if _, there := now[name]; !there {
			change(name, deleted)
		}
	}
	if len(changes) == 0 {
		return nil
	}
	return g.client.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": changes})
}
