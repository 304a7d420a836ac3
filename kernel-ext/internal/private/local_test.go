package private

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
)

// TestCheckLocal needs a second user for its other half, so root lets "nobody" (65534) connect.
func TestCheckLocal(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		l, err := net.Listen("tcp", address)
		if err != nil {
			t.Logf("no such address here: %v", err)
			continue
		}
		defer l.Close()
		accept := func() *net.TCPConn {
			conn, err := l.Accept()
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			return conn.(*net.TCPConn)
		}
		own, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer own.Close()
		accepted := accept()
		if err := CheckLocal(accepted); err != nil {
			t.Errorf("own process at %s: %v", l.Addr(), err)
		}
		if uid, err := localUser(accepted.RemoteAddr().(*net.TCPAddr), accepted.LocalAddr().(*net.TCPAddr)); err == nil && uid != os.Getuid() {
			t.Errorf("own process is of user %d", uid)
		}
		if os.Getuid() != 0 || address[0] == '[' {
			continue
		}
		port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
		other := exec.CommandContext(t.Context(), "bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/"+port+"; read -r end <&3")
		other.Dir, other.SysProcAttr = "/", &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		if err := other.Start(); err != nil {
			t.Fatal(err)
		}
		conn := accept()
		if err := CheckLocal(conn); !errors.Is(err, ErrForeign) {
			t.Errorf("another user's process: %v, want ErrForeign", err)
		}
		if err := CheckLocal(conn, 65534); err != nil {
			t.Errorf("another user's process that is let in: %v", err)
		}
		conn.Close()
		other.Wait()
	}
}
