//go:build linux

package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"syscall"

	"gantry.local/kernel-ext/lab"
)

// client is the life of a client that is a process of its own, as a cell is: it attaches to a run, says so, and uses it.
func client(args []string) {
	r, err := lab.Attach(args[0])
	if err == nil {
		_, err = r.Status()
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	fmt.Println("attached")
	os.Stdout, _ = os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	steps, _ := strconv.Atoi(args[2])
	for {
		switch args[1] {
		case "train":
			err = r.TrainTo(steps)
		case "follow":
			for range r.Follow(context.Background(), 0) {
			}
		case "sample":
			_, err = r.Sample(16, 3)
		case "wait":
			err = r.Wait(context.Background(), steps)
		}
		if err != nil {
			os.Exit(1)
		}
	}
}

// startClient starts a client of the run and waits until it has attached.
func (k *keeper) startClient() (*exec.Cmd, error) {
	c := exec.Command(k.place.program, "client", k.runName(), []string{"train", "follow", "sample", "wait"}[k.rnd.IntN(4)], strconv.Itoa(k.steps))
	out, err := c.StdoutPipe()
	if err != nil {
		return nil, err
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		return nil, err
	}
	err = k.ledger.timed("attach by another process", func() error {
		line, err := bufio.NewReader(out).ReadString('\n')
		if err == nil && line != "attached\n" {
			err = fmt.Errorf("a client says %q", line)
		}
		return err
	})
	if err != nil {
		c.Process.Kill()
		c.Wait()
		return nil, err
	}
	return c, nil
}

func (k *keeper) clientKilled(ctx context.Context) error {
	c, err := k.startClient()
	if err != nil {
		return err
	}
	pause(ctx, k.rnd.IntN(400))
	c.Process.Kill()
	c.Wait()
	return nil
}

func (k *keeper) clientStopped(ctx context.Context) error {
	c, err := k.startClient()
	if err != nil {
		return err
	}
	c.Process.Signal(syscall.SIGSTOP)
	pause(ctx, 300+k.rnd.IntN(1200))
	if _, err := k.status(); err != nil {
		return fmt.Errorf("status while a client is stopped: %w", err)
	}
	c.Process.Signal(syscall.SIGCONT)
	pause(ctx, k.rnd.IntN(200))
	c.Process.Kill()
	c.Wait()
	return nil
}

// passOn hands this process's signals on; the result ends that.
func passOn(to *os.Process) func() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for s := range signals {
			to.Signal(s)
		}
	}()
	return func() { signal.Stop(signals); close(signals) }
}
