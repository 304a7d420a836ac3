package keepgomlx

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/gobackend"
	"github.com/gomlx/go-xla/compute/xla"

	"gantry.local/gan/device"
)

// keptXLA stands in for a backend of XLA.
type keptXLA struct {
	Config string // the plugin's name or path, with options
}

func keptXLAOf(b *xla.Backend) (any, error) {
	if b.IsFinalized() {
		return nil, errFinalized("backend")
	}
	return keptXLA{b.Config()}, nil
}

// Restored opens the backend, by package device where it knows the plugin, so that what was compiled comes from its cache.
func (k keptXLA) Restored() (any, error) {
	config := "xla:" + k.Config
	if path, _, _ := strings.Cut(k.Config, ","); filepath.IsAbs(path) {
		return device.Open(config)
	}
	return compute.NewWithConfig(config)
}

// keptGo stands in for GoMLX's own Go backend. That of package purego keeps itself.
type keptGo struct {
	Execution, Schedule int64 // its settings
	Parallelism         int   // how many goroutines it uses, as GoMLX counts them
	Usual               bool  // it is as many as a new backend uses, whatever the machine
}

// workers is what a Go backend exports of its pool.
type workers interface {
	MaxParallelism() int
	SetMaxParallelism(n int)
}

// settingsOf gives access to the settings of a Go backend, whose type is in a package that is closed to others.
func settingsOf(b compute.Backend) (execution, schedule reflect.Value, pool workers, err error) {
	fields := reflect.ValueOf(b).Elem()
	execution, schedule = fields.FieldByName("OpsExecutionType"), fields.FieldByName("SchedulingStrategy")
	if field := fields.FieldByName("Workers"); field.IsValid() {
		pool, _ = field.Interface().(workers)
	}
	if !execution.IsValid() || !schedule.IsValid() || pool == nil {
		err = fmt.Errorf("%T of this version of GoMLX cannot be kept", b)
	}
	return execution, schedule, pool, err
}

// newGo makes a Go backend as a program without settings does.
func newGo() (compute.Backend, error) { return gobackend.New("") }

func keptGoOf(value any) (any, error) {
	b := value.(compute.Backend)
	if b.IsFinalized() {
		return nil, errFinalized("backend")
	}
	execution, schedule, pool, err := settingsOf(b)
	if err != nil {
		return nil, err
	}
	usual, err := newGo()
	if err != nil {
		return nil, err
	}
	defer usual.Finalize()
	_, _, usualPool, err := settingsOf(usual)
	if err != nil {
		return nil, err
	}
	n := pool.MaxParallelism()
	return keptGo{execution.Int(), schedule.Int(), n, n == usualPool.MaxParallelism()}, nil
}

// Restored makes the backend anew.
func (k keptGo) Restored() (any, error) {
	b, err := newGo()
	if err != nil {
		return nil, err
	}
	execution, schedule, pool, err := settingsOf(b)
	if err != nil {
		return nil, err
	}
	execution.SetInt(k.Execution)
	schedule.SetInt(k.Schedule)
	if !k.Usual {
		pool.SetMaxParallelism(k.Parallelism)
	}
	return b, nil
}
