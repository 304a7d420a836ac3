package kernel

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"gantry.local/kernel-ext/golang"
	"gantry.local/kernel-ext/internal/wholefile"
)

// scripts are the small programs that GoNB starts in place of go, goimports, and the program of a cell, and what bash
// reads before a shell line. GoNB has no hook, but it finds its tools on PATH. They do six things:
//
//   - What a program or a shell line prints goes straight into this kernel's pipes: GoNB would cut runes in two.
//   - What a program shows goes straight into a pipe of this kernel: GoNB would lose the last of it.
//   - Once a cell is interrupted, or one of its shell lines failed, nothing of it is started any more.
//   - `go mod init` writes the project's requirements, so that a cell's module is never without them.
//   - It is known how many shell lines a cell has begun.
//   - A build that fails because the cell's module lacks what the cell imports is tried again after `go get`. GoNB would run
//     `go get` before each build; other cells pay nothing here.
type scripts struct {
	temp string // GoNB's private folder
}

func (s scripts) bin() string    { return filepath.Join(s.temp, "bin") }
func (s scripts) hook() string   { return filepath.Join(s.temp, "before-shell") } // BASH_ENV
func (s scripts) stdout() string { return filepath.Join(s.temp, "stdout") }
func (s scripts) stderr() string { return filepath.Join(s.temp, "stderr") }
func (s scripts) mod() string    { return filepath.Join(s.temp, "bin", "cell.mod") } // without its module line
func (s scripts) sum() string    { return filepath.Join(s.temp, "bin", "cell.sum") }

// halt is the file that keeps the rest of a cell from starting; direct the one that has its program print to GoNB.
func (s scripts) halt() string   { return filepath.Join(s.temp, "halt") }
func (s scripts) direct() string { return filepath.Join(s.temp, "direct") }

// begins is the pipe by which a program says that it is about to begin, and answers the one by which it is told the number
// of its pipe for displays. onward is the file that names GoNB's pipe for them.
func (s scripts) begins() string                { return filepath.Join(s.temp, "begins") }
func (s scripts) answers() string               { return filepath.Join(s.temp, "answers") }
func (s scripts) displays(number string) string { return filepath.Join(s.temp, "displays-"+number) }
func (s scripts) onward() string                { return filepath.Join(s.temp, "onward") }

// shells is a file with one byte for each shell line that the cell has begun.
func (s scripts) shells() string { return filepath.Join(s.temp, "shells") }

// program is where the program of a cell is, in the folder where GoNB builds it.
func program(dir string) string { return filepath.Join(dir, "program") }

const goScript = `#!/bin/sh
# go, as GoNB starts it.
temp=%[1]s
PATH=${PATH#"$temp/bin:"}
export PATH
build() {
	%[2]s "$@" >"$temp/said" 2>&1
	status=$?
	if [ $status != 0 ] && [ ! -e "$temp/halt" ] &&
		grep -q -e 'no required module provides package' -e 'updates to go.mod needed' -e 'missing go.sum entry' "$temp/said" &&
		%[2]s get -t . >"$temp/got" 2>&1; then
		%[2]s "$@" >"$temp/said" 2>&1
		status=$?
	fi
	cat "$temp/said" >&2
	exit $status
}
case $1 in
mod)
	case "$2 $PWD" in "init $temp"/gonb_*)
		if [ -e "$temp/bin/cell.mod" ]; then
			cp "$temp/bin/cell.sum" go.sum && { echo "module $3"; cat "$temp/bin/cell.mod"; } >go.mod.new && mv go.mod.new go.mod
			exit
		fi ;;
	esac ;;
build)
	case "$2 $3" in "-o $temp"/gonb_*/gonb_*)
		[ -e "$temp/halt" ] && exit 1
		dir=${3%%/*}
		shift 3
		build build -o "$dir/program" "$@" ;;
	esac
	build "$@" ;; # for WebAssembly
test)
	case "$2 $3 $4" in "-c -o $temp"/gonb_*/gonb_*)
		[ -e "$temp/halt" ] && exit 1
		dir=${4%%/*}
		shift 4
		build test -c -o "$dir/program" "$@" ;;
	esac ;;
esac
exec %[2]s "$@"
`

const goimportsScript = `#!/bin/sh
# goimports, as GoNB starts it.
temp=%[1]s
PATH=${PATH#"$temp/bin:"}
export PATH
[ -e "$temp/halt" ] && exit 1
exec %[2]s "$@"
`

// programScript stands where GoNB expects the program of a cell. It needs nothing that a shell would start a process for.
const programScript = `#!/bin/sh
temp=%[1]s
PATH=${PATH#"$temp/bin:"}
export PATH
%[2]s
[ -e "$temp/halt" ] && exit 1
printf %%s "$GONB_PIPE" >"$temp/onward"
echo $$ >"$temp/begins"
while read -r gantry_pid gantry_number; do
	[ "$gantry_pid" = $$ ] && break # else it was meant for one that was killed
done <"$temp/answers"
[ -z "$gantry_number" ] || GONB_PIPE=$temp/displays-$gantry_number
[ -e "$temp/direct" ] || exec >"$temp/stdout" 2>"$temp/stderr"
GANTRY_CLEAR=1
export GANTRY_CLEAR
exec "${0%%/*}/program" "$@"
`

// hookScript is read by each bash that has BASH_ENV; only GoNB's own, the shell lines, are meant.
const hookScript = `%[2]s
if [ "$PPID" = %[3]d ]; then
	gantry_temp=%[1]s
	PATH=${PATH#"$gantry_temp/bin:"}
	[ -e "$gantry_temp/halt" ] && exit 1
	gantry_cell= gantry_away=$gantry_temp/stand-in
	case $PWD in "$gantry_temp"/gonb_*) # where go build wants to write a program of that name
		gantry_cell=$PWD/${PWD##*/}
		mv -f "$gantry_cell" "$gantry_away" ;;
	esac
	printf x >>"$gantry_temp/shells"
	exec >"$gantry_temp/stdout" 2>"$gantry_temp/stderr"
	trap 'gantry_status=$?; [ -z "$gantry_cell" ] || mv -f "$gantry_away" "$gantry_cell"; [ "$gantry_status" = 0 ] || echo "$gantry_status" >'%[4]s EXIT
	unset gantry_temp
fi
`

// write writes the scripts that GoNB needs to start. dir is the folder of its tools.
func (s scripts) write(dir string) error {
	if err := os.Mkdir(s.bin(), 0o700); err != nil {
		return err
	}
	for name, text := range map[string]string{"go": goScript, "goimports": goimportsScript} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err != nil {
			if path, err = exec.LookPath(name); err != nil {
				continue // GoNB says what is missing
			}
		}
		path, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		if path, err = s.quickTool(dir, name, path); err != nil {
			return err
		}
		if err := s.executable(filepath.Join(s.bin(), name), fmt.Sprintf(text, quote(s.temp), quote(path))); err != nil {
			return err
		}
	}
	return nil
}

// writeFor writes what can only be written once GoNB is there: pid is its process, dir the folder of its cells.
func (s scripts) writeFor(pid int, dir string) error {
	restore := "unset BASH_ENV"
	if theirs, ok := os.LookupEnv("BASH_ENV"); ok {
		restore = "BASH_ENV=" + quote(theirs) + "; export BASH_ENV"
	}
	text := fmt.Sprintf(programScript, quote(s.temp), restore)
	if err := s.executable(filepath.Join(dir, filepath.Base(dir)), text); err != nil {
		return err
	}
	if theirs := os.Getenv("BASH_ENV"); theirs != "" {
		restore += "; [ -r " + quote(theirs) + " ] && . " + quote(theirs)
	}
	text = fmt.Sprintf(hookScript, quote(s.temp), restore, pid, quote(quote(s.halt())))
	return wholefile.WriteTransient(s.hook(), []byte(text), 0o600)
}

func (s scripts) executable(path, text string) error {
	return wholefile.WriteTransient(path, []byte(text), 0o700)
}

// begin lets a cell start its programs. direct: what it prints goes through GoNB, which writes it to a file too.
func (s scripts) begin(direct bool) error {
	if err := s.putBack(); err != nil {
		return err
	}
	for _, path := range []string{s.halt(), s.shells(), s.direct()} {
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	if direct {
		return os.WriteFile(s.direct(), nil, 0o600)
	}
	return nil
}

// putBack brings back the script that stands for the program, where a shell line was killed that had put it away.
func (s scripts) putBack() error {
	away := filepath.Join(s.temp, "stand-in")
	if _, err := os.Stat(away); err != nil {
		return nil
	}
	dirs, err := filepath.Glob(filepath.Join(s.temp, "gonb_*"))
	if err != nil || len(dirs) == 0 {
		return err
	}
	return os.Rename(away, filepath.Join(dirs[0], filepath.Base(dirs[0])))
}

// isDirect tells what begin was told.
func (s scripts) isDirect() bool {
	_, err := os.Stat(s.direct())
	return err == nil
}

// stop keeps the cell from starting anything more.
func (s scripts) stop() error { return os.WriteFile(s.halt(), nil, 0o600) }

// halted tells whether a shell line has failed, and begun how many the cell has begun.
func (s scripts) halted() bool {
	_, err := os.Stat(s.halt())
	return err == nil
}

func (s scripts) begun() int {
	info, err := os.Stat(s.shells())
	if err != nil {
		return 0
	}
	return int(info.Size())
}

// throughBash has bash start the interpreter of a cell that is a script, so that the hook is read.
func throughBash(code string) string {
	first, rest, _ := strings.Cut(code, "\n")
	command := strings.TrimPrefix(first, golang.CommentPrefix)
	arguments, ok := strings.CutPrefix(command, "%%script ")
	if strings.TrimSpace(command) == "%%sh" {
		arguments, ok = "sh", true
	}
	if !ok || strings.TrimSpace(arguments) == "" {
		return code
	}
	return `%%script /bin/bash -c "\"$@\"; exit" bash ` + arguments + "\n" + rest
}

// keepPath has a cell that sets PATH keep the scripts on it: go build would not write over one of them.
func (s scripts) keepPath(code string) string {
	for _, form := range []string{"%env PATH ", "%env PATH="} {
		code = strings.ReplaceAll("\n"+code, "\n"+form, "\n"+form+s.bin()+string(os.PathListSeparator))[1:]
	}
	return code
}

// quote makes one word for a shell of any text.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
