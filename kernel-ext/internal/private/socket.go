package private

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrInUse is the error of Listen where a living process listens already.
var ErrInUse = errors.New("another process listens there")

// livingPatience is how long Listen waits for the connection to a process that may live.
const livingPatience = time.Second

// Listener accepts the connections of this user's own processes; others are closed without a word.
type Listener struct {
	*net.UnixListener
	path string
	made fs.FileInfo // the socket's file
}

// Listen opens the socket called name in a folder, which Folder has made, for this user alone: mode 0600 under any umask.
// It takes the place of a dead process's socket, never of a living one's (ErrInUse). On Linux the folder's path may have
// any length.
func Listen(dir, name string) (*Listener, error) {
	folder, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	// of two processes that find a dead one's socket only one replaces it
	lock := Lock(dir)
	if err := lock.Lock(); err != nil {
		return nil, fmt.Errorf("cannot lock %s: %w", dir, err)
	}
	defer lock.Close()
	path := filepath.Join(dir, name)
	short, err := socketPath(folder, name)
	if err != nil {
		return nil, err
	}
	living, err := net.DialTimeout("unix", short, livingPatience)
	switch {
	case err == nil:
		living.Close()
		return nil, fmt.Errorf("%s: %w", path, ErrInUse)
	case errors.Is(err, syscall.ECONNREFUSED):
		if err := os.Remove(short); err != nil {
			return nil, err
		}
	case errors.Is(err, fs.ErrNotExist):
	default: // it lives, but does not answer
		return nil, fmt.Errorf("%s: %w: %w", path, ErrInUse, reason(err))
	}
	// It gets its name when it has its mode: nobody finds one that others may connect to.
	early, err := socketPath(folder, name+"~")
	if err != nil {
		return nil, err
	}
	if err := os.Remove(early); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a process that was killed here
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: early, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("cannot listen at %s: %w", path, reason(err))
	}
	l.SetUnlinkOnClose(false) // by then the short path names nothing
	err = os.Chmod(early, 0o600)
	made, statErr := os.Lstat(early)
	if err = errors.Join(err, statErr); err == nil {
		err = os.Rename(early, short)
	}
	if err != nil {
		l.Close()
		os.Remove(early)
		return nil, err
	}
	return &Listener{UnixListener: l, path: path, made: made}, nil
}

// ListenAt is Listen for a path whose folder is made where it is missing.
func ListenAt(path string) (*Listener, error) {
	dir := filepath.Dir(path)
	for range 10 { // a process that ends may remove the folder just now
		l, err := Listen(dir, filepath.Base(path))
		if !errors.Is(err, fs.ErrNotExist) {
			return l, err
		}
		if err := Folder(dir); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("the folder %s vanishes again and again", dir)
}

// Accept hands the connections that come to serve until the listener is closed. What else goes wrong, such as that there is no
// descriptor for another, it tells, and goes on a little later.
func Accept(l net.Listener, serve func(net.Conn), tell func(error)) {
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			serve(conn)
		case errors.Is(err, net.ErrClosed):
			return
		default:
			tell(err)
			time.Sleep(100 * time.Millisecond) // let some go before the next try
		}
	}
}

// Addr is the socket's path, as it was asked for.
func (l *Listener) Addr() net.Addr { return &net.UnixAddr{Name: l.path, Net: "unix"} }

// Accept waits for the next connection of this user.
func (l *Listener) Accept() (net.Conn, error) {
	for {
		conn, err := l.AcceptUnix()
		if err != nil {
			return nil, err
		}
		if CheckPeer(conn) == nil {
			return conn, nil
		}
		conn.Close()
	}
}

// Close stops listening and removes the socket, unless it is a successor's by now.
func (l *Listener) Close() error {
	err := l.UnixListener.Close()
	folder, openErr := openFolder(filepath.Dir(l.path))
	if openErr != nil { // the folder is gone, or no longer ours: there is nothing to remove
		return err
	}
	defer folder.Close()
	lock := Lock(folder.Name())
	if lock.Lock() != nil {
		return err
	}
	defer lock.Close()
	if now, statErr := os.Lstat(l.path); statErr == nil && os.SameFile(now, l.made) && now.ModTime().Equal(l.made.ModTime()) {
		os.Remove(l.path)
	}
	return err
}

// Dial connects to the socket called name in a folder. Folder and socket must be private to this user, and so must be the
// process that listens: else the error is ErrForeign. Where nobody listens it is fs.ErrNotExist or syscall.ECONNREFUSED.
func Dial(ctx context.Context, dir, name string) (net.Conn, error) {
	folder, err := openFolder(dir)
	if err != nil {
		return nil, err
	}
	defer folder.Close()
	short, err := socketPath(folder, name)
	if err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	info, err := os.Lstat(short)
	if err != nil {
		return nil, fmt.Errorf("nobody listens at %s: %w", path, reason(err))
	}
	if err := check(path, info); err != nil {
		return nil, err
	}
	var d net.Dialer
	conn, err := d.DialContext(ctx, "unix", short)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to %s: %w", path, reason(err))
	}
	if err := CheckPeer(conn.(*net.UnixConn)); err != nil {
		conn.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return conn, nil
}

// CheckPeer reports that the process at the other end is another user's: the error is ErrForeign then.
func CheckPeer(conn *net.UnixConn) error {
	uid, err := peerUser(conn)
	if err != nil {
		return fmt.Errorf("whose process is at the other end cannot be told (%w): %w", err, ErrForeign)
	}
	if uid != os.Getuid() {
		return fmt.Errorf("the process at the other end is of user %d: %w", uid, ErrForeign)
	}
	return nil
}

// reason is an error without the short path that the operation was done by.
func reason(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		err = op.Err
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return err
}
