package engine

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// guardScript waits for the end of this process, however it ends, and clears away what nobody else can then: programs
// that do not listen, the private folder, the socket of the channel, and those of the kernel, unless the next kernel has them already: then
// a socket is younger than what is in the folder, or that kernel has removed the folder. The engine mostly ends by
// itself; what is left of its session is ended.
const guardScript = `trap '' INT TERM HUP
temp=%[2]s
socket=%[3]s
read -r end
sleep 1
kill -KILL -%[1]d
for stat in /proc/[0-9]*/stat; do
	read -r line <"$stat" || continue
	set -- ${line##*) }
	[ "$4" = %[1]d ] && kill -KILL "${line%%%% *}"
done
for file in "$socket"%[4]s; do
	if [ -e "$temp/module" ] && [ ! "$file" -nt "$temp/module" ]; then
		rm -f "$file"
	fi
done
rmdir "${socket%%/*}"
rmdir "${file%%/*}"
rm -rf "$temp"
`

// Guard is a process that clears away when this one is gone.
type Guard struct {
	cmd   *exec.Cmd
	alive *os.File // open as long as this process is there
}

// Watch starts a guard for the session of an engine and its folder. socket is the channel's, others are the kernel's own,
// all in one folder.
func Watch(session int, temp *Temp, socket string, others ...string) (*Guard, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	more := ""
	for _, other := range others {
		more += " " + quote(other)
	}
	cmd := exec.Command("/bin/sh", "-c", fmt.Sprintf(guardScript, session, quote(temp.Dir), quote(socket), more))
	cmd.Dir, cmd.Env, cmd.Stdin = "/", []string{"PATH=" + os.Getenv("PATH")}, r
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, err
	}
	return &Guard{cmd, w}, nil
}

// Dismiss ends the guard: this process has cleared away itself.
func (g *Guard) Dismiss() {
	g.cmd.Process.Kill()
	g.cmd.Wait()
	g.alive.Close()
}

// quote makes one word for a shell of any text.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
