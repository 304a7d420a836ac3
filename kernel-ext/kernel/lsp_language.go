package kernel

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// languageServer asks gopls about cells. The gopls that GoNB starts listens at a socket in the folder of the cell
// module and serves any number of clients, each with files of its own; this one shows it the cell as main.go and the
// declarations of earlier cells as another file. It connects when it is first asked.
type languageServer struct {
	mu       sync.Mutex
	server   gopls
	client   *lsp
	versions map[string]int    // of the files gopls has been shown
	texts    map[string]string // their text
	disk     map[string]string // what of the folder gopls has been told of
	guessed  map[string]string // name -> import spec, for packages that cells use without an import
}

const (
	languagePatience = 10 * time.Second // for one answer; the first includes the loading of the cell module
	restFile         = "gantry_earlier.go"
)

// completion is one way to go on; from and to are the bytes of the line that it replaces.
type completion struct {
	text, kind, detail string
	from, to           int
}

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

// complete returns the completions at a place of a cell, best first; none if gopls has no answer.
func (s *languageServer) complete(p *proxy, t cellText, at place) []completion {
	var found struct {
		Items []struct {
			Label    string   `json:"label"`
			Kind     int      `json:"kind"`
			Detail   string   `json:"detail"`
			TextEdit *lspEdit `json:"textEdit"`
		} `json:"items"`
	}
	s.ask(p, t, at, "textDocument/completion", &found)
	line := t.goLine(at.line)
	column := func(p lspPosition) int { return t.inCell(place{p.Line, byteColumn(line, p.Character)}).column }
	var list []completion
	for _, i := range found.Items {
		if e := i.TextEdit; e != nil && e.Range.Start.Line == at.line+1 && e.Range.End.Line == at.line+1 {
			list = append(list, completion{
				text: e.NewText, kind: completionKind(i.Kind), detail: i.Detail,
				from: column(e.Range.Start), to: column(e.Range.End),
			})
		}
	}
	return slices.DeleteFunc(list, func(c completion) bool { return c.from > at.column || c.text == showFunction })
}

// completionKind names a kind of LSP as JupyterLab does.
func completionKind(kind int) string {
	switch kind {
	case 2:
		return "method"
	case 3:
		return "function"
	case 5, 10:
		return "property"
	case 7, 22, 25:
		return "class"
	case 8:
		return "interface"
	case 9:
		return "module"
	case 14:
		return "keyword"
	case 21:
		return "constant"
	}
	return "variable"
}

// hover returns the documentation of the name at a place of a cell, in Markdown; empty: there is none.
func (s *languageServer) hover(p *proxy, t cellText, at place) string {
	var found *struct {
		Contents struct {
			Value string `json:"value"`
		} `json:"contents"`
	}
	s.ask(p, t, at, "textDocument/hover", &found)
	if found == nil {
		return ""
	}
	return found.Contents.Value
}

// ask sends a request about a place of a cell. Without an answer, which the log explains, result stays as it is.
func (s *languageServer) ask(p *proxy, t cellText, at place, method string, result any) {
	if !p.waitReady() {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.Background(), languagePatience)
	defer cancel()
	go func() {
		select {
		case <-p.done:
			cancel()
		case <-ctx.Done():
		}
	}()
	var err error
	const tries, interval = 5, 50 * time.Millisecond
	for try := range tries { // gopls may end while it is asked, and go on listening for a moment
		if try > 0 {
			select {
			case <-time.After(interval):
			case <-ctx.Done():
			}
		}
		if err = s.askOnce(ctx, p, t, at, method, result); err == nil || s.client == nil || !s.client.lost() {
			break
		}
	}
	if err != nil {
		p.log.Printf("completion and documentation: %v", err)
	}
}

func (s *languageServer) askOnce(ctx context.Context, p *proxy, t cellText, at place, method string, result any) error {
	if err := s.connect(ctx, p.engine.dir); err != nil {
		return err
	}
	if err := s.show(ctx, p, t); err != nil {
		return err
	}
	asked := t.inProgram(at)
	return s.client.call(ctx, method, map[string]any{
		"textDocument": map[string]any{"uri": fileURI(filepath.Join(p.engine.dir, "main.go"))},
		"position":     lspPosition{asked.line, utf16Column(t.goLine(at.line), asked.column)},
	}, result)
}

func fileURI(path string) string { return (&url.URL{Scheme: "file", Path: path}).String() }

// connect makes sure of a connection to gopls.
func (s *languageServer) connect(ctx context.Context, dir string) error {
	if s.client != nil && !s.client.lost() {
		return nil
	}
	client, err := s.server.dial(ctx, filepath.Join(dir, "gopls_socket"))
	if err != nil {
		return err
	}
	err = client.call(ctx, "initialize", map[string]any{
		"processId": nil, "rootUri": fileURI(dir),
		"workspaceFolders": []map[string]string{{"uri": fileURI(dir), "name": filepath.Base(dir)}},
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
	s.client, s.versions, s.texts, s.disk = client, map[string]int{}, map[string]string{}, nil
	return nil
}

// close ends the connection.
func (s *languageServer) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.client != nil {
		s.client.close()
	}
	s.server.stop()
}

// show brings gopls up to date with the cell, what earlier cells declare, and the folder. A package that the cell uses
// without importing it, as cells may, is imported here like GoNB will.
func (s *languageServer) show(ctx context.Context, p *proxy, t cellText) error {
	dir := p.engine.dir
	if err := s.watch(dir); err != nil {
		return err
	}
	source := t.program("package main")
	file, _ := parser.ParseFile(token.NewFileSet(), "", source, 0) // as far as it parses
	if file == nil {
		file = &ast.File{}
	}
	if err := s.open(filepath.Join(dir, restFile), p.memory.rest(file)); err != nil {
		return err
	}
	used := packagesUsed(file, p.memory.knows)
	main := filepath.Join(dir, "main.go")
	text := t.program(p.memory.head(file, s.guesses(used)))
	if err := s.open(main, text); err != nil {
		return err
	}
	if len(s.guesses(used)) == len(used) {
		return nil
	}
	if err := s.guess(ctx, main, text, used); err != nil {
		return err
	}
	return s.open(main, t.program(p.memory.head(file, s.guesses(used))))
}

// packagesUsed returns the names in front of a dot that nothing declares: packages to be imported, most likely.
func packagesUsed(file *ast.File, known func(string) bool) []string {
	imported := importSpecs(file)
	unresolved := map[*ast.Ident]bool{}
	for _, name := range file.Unresolved {
		unresolved[name] = true
	}
	var used []string
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok {
			x, ok := s.X.(*ast.Ident)
			if ok && unresolved[x] && imported[x.Name] == "" && !known(x.Name) && !slices.Contains(used, x.Name) {
				used = append(used, x.Name)
			}
		}
		return true
	})
	return used
}

// guesses returns the imports found so far for some names.
func (s *languageServer) guesses(names []string) map[string]string {
	found := map[string]string{}
	for _, name := range names {
		if spec := s.guessed[name]; spec != "" {
			found[name] = spec
		}
	}
	return found
}

// guess has gopls find the packages with these names, and remembers them.
func (s *languageServer) guess(ctx context.Context, path, text string, names []string) error {
	end := lspPosition{Line: strings.Count(text, "\n") + 1}
	var actions []struct {
		Edit struct {
			DocumentChanges []struct {
				Edits []lspEdit `json:"edits"`
			} `json:"documentChanges"`
		} `json:"edit"`
	}
	err := s.client.call(ctx, "textDocument/codeAction", map[string]any{
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
			for name, spec := range importSpecs(file) {
				if slices.Contains(names, name) {
					if s.guessed == nil {
						s.guessed = map[string]string{}
					}
					s.guessed[name] = spec
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
func (s *languageServer) open(path, text string) error {
	if s.versions[path] > 0 && s.texts[path] == text {
		return nil
	}
	s.versions[path]++
	s.texts[path] = text
	document := map[string]any{"uri": fileURI(path), "version": s.versions[path]}
	if s.versions[path] == 1 {
		document["languageId"], document["text"] = "go", text
		return s.client.notify("textDocument/didOpen", map[string]any{"textDocument": document})
	}
	return s.client.notify("textDocument/didChange", map[string]any{
		"textDocument": document, "contentChanges": []map[string]string{{"text": text}},
	})
}

// watch tells gopls which files in the folder have changed since it was last asked, for it does not look by itself:
// the module may require more, and a cell may have written a Go file.
func (s *languageServer) watch(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	now := map[string]string{}
	for _, e := range entries {
		name := e.Name()
		if name == "main.go" || name == showFile || !slices.Contains([]string{".go", ".mod", ".sum", ".work"}, filepath.Ext(name)) {
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
	was := s.disk
	s.disk = now
	if was == nil {
		return nil // gopls has just read them
	}
	changes := []map[string]any{}
	const created, changed, deleted = 1, 2, 3
	change := func(name string, how int) {
		changes = append(changes, map[string]any{"uri": fileURI(filepath.Join(dir, name)), "type": how})
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
	return s.client.notify("workspace/didChangeWatchedFiles", map[string]any{"changes": changes})
}
