package golang

import "regexp"

// commands are the kernel's own and GoNB's, for completion.
func commands() []string {
	return []string{"%doctor", "%help", "%runs", "%time", "%values", "%who",
		"%%", "%%bash", "%%script", "%%sh", "%%writefile", "%args", "%autoget", "%capture", "%cd", "%env", "%exec",
		"%goflags", "%goworkfix", "%list", "%ls", "%main", "%noautoget", "%remove", "%reset", "%rm", "%test", "%track",
		"%untrack", "%version", "%wasm", "%widgets", "%with_inputs", "%with_password"}
}

var questionPattern = regexp.MustCompile(`^\s*(?:\?{1,2}\s*([\pL_][\pL\pN_.]*)?|([\pL_][\pL\pN_.]*)\s*\?{1,2})\s*$`)

// Question tells whether a cell asks for documentation, as in name? or ?name, and for which name; a ? alone asks for
// the help page.
func Question(code string) (name string, ok bool) {
	found := questionPattern.FindStringSubmatch(code)
	if found == nil {
		return "", false
	}
	return found[1] + found[2], true
}
