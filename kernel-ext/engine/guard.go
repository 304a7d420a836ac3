package engine

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
)

// guardScript waits for the end of this process, however it ends, and clears away what nobody else can then: programs
// that do not listen, the private folder, the socket of the channel, and those of the kernel, also while they are being made
// (package private says how). The next kernel may have made sockets in their place: they are younger than what is in the
// folder, or that kernel has removed the folder. The engine mostly ends by itself; what is left of its session is ended.
const guardScript = `trap '' INT TERM HUP
temp=%[1]s
socket=%[2]s
sessions=' '
while read -r session; do
	case "$session" in
	-*)
		session=${session#-}
		sessions="${sessions%%%% $session *} ${sessions#* $session }"
		;;
	*) sessions="$sessions$session " ;;
	esac
done
sleep 1
for session in $sessions; do
	kill -KILL "-$session"
done
for stat in /proc/[0-9]*/stat; do
	read -r line <"$stat" || continue
	set -- ${line##*) }
	case "$sessions" in *" $4 "*) kill -KILL "${line%%%% *}" ;; esac
done
for file in "$socket"%[3]s; do
	if [ -e "$temp" ] && { [ ! -e "$temp/module" ] || [ ! "$file" -nt "$temp/module" ]; }; then
		rm -f "$file" "$file~"
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

// Watch starts a guard for a kernel's folder and sockets, before these are there. socket is the channel's, others are the
// kernel's own, all in one folder.
func Watch(temp *Temp, socket string, others ...string) (*Guard, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	more := ""
	for _, other := range others {
		more += " " + quote(other)
	}
	cmd := exec.Command("/bin/sh", "-c", fmt.Sprintf(guardScript, quote(temp.Dir), quote(socket), more))
	cmd.Dir, cmd.Env, cmd.Stdin = "/", []string{"PATH=" + os.Getenv("PATH")}, r
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		w.Close()
		return nil, err
	}
	return &Guard{cmd, w}, nil
}

// Also has the guard watch a session, too: that of an engine, or of a tool.
func (g *Guard) Also(session int) error {
	_, err := fmt.Fprintln(g.alive, session)
	return err
}

// NoLonger has the guard forget a session that has ended: its number may come to be another's.
func (g *Guard) NoLonger(session int) error { return g.Also(-session) }

// Dismiss ends the guard: this process has cleared away itself.
func (g *Guard) Dismiss() {
	g.cmd.Process.Kill()
	g.cmd.Wait()
	g.alive.Close()
}

// quote makes one word for a shell of any text.
func quote(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }
