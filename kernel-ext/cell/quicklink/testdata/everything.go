// A program that needs of Go's runtime what a module of its own could get wrong.
package main

import (
	"bytes"
	"context"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"maps"
	"math/big"
	"os"
	"reflect"
	"runtime"
	"runtime/debug"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"text/template"
	"time"
	"unsafe"
)

// Variables of all sections, with and without pointers.
var (
	number   = 42
	zero     int
	words    = []string{"a", "b", "c"}
	table    = map[string]*node{"x": {name: "x"}, "y": {name: "y"}}
	zeroMap  map[string]int
	pointers [1000]*node
	grid     [3][4]struct {
		n    int64
		list []*node
		_    [2]uint32
		any  any
	}
	filled = [2]struct {
		n int
		p *node
	}{{1, &node{name: "one"}}, {2, &node{name: "two"}}}
	large    [1 << 20]byte
	initial  = order("initial")
	function = strings.ToUpper
	closure  = func() func() int { n := 0; return func() int { n++; return n } }()
	wrong    = errors.New("wrong")
	small    int32
	flag     = true
	huge     *[1 << 16]node
)

type node struct {
	name       string
	next, prev *node
	data       [4]any
}

var inits []string

func order(name string) string { inits = append(inits, name); return name }

func init() { order("first init") }
func init() { order("second init") }

// Types with methods of their own, promoted, by pointer, generic, and unnamed ones.
type shape interface {
	Area() float64
	fmt.Stringer
}

type square struct{ Side float64 }

func (s square) Area() float64    { return s.Side * s.Side }
func (s square) String() string   { return fmt.Sprintf("square of %g", s.Side) }
func (s *square) Grow(by float64) { s.Side *= by }

type named struct {
	*square
	bytes.Buffer
	sync.Mutex
	Name string `json:"name,omitempty"`
}

type stack[T any] struct{ items []T }

func (s *stack[T]) Push(v T) { s.items = append(s.items, v) }
func (s *stack[T]) Pop() (v T) {
	v = s.items[len(s.items)-1]
	s.items = s.items[:len(s.items)-1]
	return v
}
func (s stack[T]) All() iter.Seq2[int, T] {
	return func(yield func(int, T) bool) {
		for i, v := range s.items {
			if !yield(i, v) {
				return
			}
		}
	}
}

type pair[K comparable, V any] struct {
	Key   K
	Value V
}

func sorted[K ~string, V any](m map[K]V) (all []pair[K, V]) {
	for k, v := range m {
		all = append(all, pair[K, V]{k, v})
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Key < all[j].Key })
	return all
}

type kind uint8

func (k kind) String() string { return [...]string{"zero", "one", "two"}[k] }

type coded struct{ Inner any }

type failure struct{ code int }

func (f *failure) Error() string { return fmt.Sprint("failure ", f.code) }

func section(name string, f func()) {
	defer func() {
		if r := recover(); r != nil {
			fmt.Println(name, "panicked:", r)
		}
	}()
	fmt.Println("--", name)
	f()
}

//go:noinline
func deep(n int, p *node) int {
	var room [64]any // stack objects
	room[n%64] = p
	q := &node{name: fmt.Sprint(n), next: p}
	if n == 0 {
		runtime.GC()
		return 0
	}
	return deep(n-1, q) + len(room[n%64].(*node).name)
}

func fail(n int) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("recovered: %v", r)
		}
	}()
	defer func() { number++ }()
	var list []int
	return fmt.Errorf("%d", list[n])
}

//go:noinline
func caller() string {
	pcs := make([]uintptr, 10)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(1, pcs)])
	var b strings.Builder
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "main.") {
			fmt.Fprintf(&b, "%s:%d ", f.Function, f.Line)
		}
		if !more {
			return b.String()
		}
	}
}

func inlined() string { return caller() }

func main() {
	section("variables", func() {
		fmt.Println(number, zero, words, len(table), zeroMap == nil, initial, inits, filled[1].p.name, len(large), small, flag, function("x"), closure(), closure(), wrong)
	})
	section("collector", func() {
		for i := range pointers {
			pointers[i] = &node{name: fmt.Sprint("p", i), data: [4]any{i, fmt.Sprint(i), []int{i}, nil}}
		}
		for i := range grid {
			for j := range grid[i] {
				grid[i][j].n = int64(i * j)
				grid[i][j].list = []*node{{name: fmt.Sprint(i, j)}}
				grid[i][j].any = &node{name: "any"}
			}
		}
		huge = new([1 << 16]node)
		huge[777].next = &node{name: "far"}
		filled[0].p = &node{name: "changed"}
		table["z"] = &node{name: "z"}
		var garbage [][]byte
		for i := range 2000 {
			garbage = append(garbage, make([]byte, 10_000))
			if i%400 == 0 {
				garbage = nil
				runtime.GC()
			}
		}
		debug.FreeOSMemory()
		bad := 0
		for i, p := range pointers {
			if p.name != fmt.Sprint("p", i) || p.data[1] != fmt.Sprint(i) || p.data[2].([]int)[0] != i {
				bad++
			}
		}
		for i := range grid {
			for j := range grid[i] {
				if grid[i][j].list[0].name != fmt.Sprint(i, j) || grid[i][j].any.(*node).name != "any" {
					bad++
				}
			}
		}
		fmt.Println(bad, huge[777].next.name, filled[0].p.name, table["z"].name)
	})
	section("stack", func() {
		fmt.Println(deep(3000, &node{name: "n"}))
		done := make(chan int)
		go func() { done <- deep(2000, &node{name: "m"}) }()
		fmt.Println(<-done)
	})
	section("methods", func() {
		n := named{square: &square{2}, Name: "n"}
		n.square.Grow(3)
		n.WriteString("buffered")
		var s shape = n.square
		var w io.Writer = &n
		fmt.Fprint(w, " more")
		_, isShape := any(n.square).(shape)
		f := n.square.Area
		g := (*square).String
		fmt.Println(s.Area(), s, n.Buffer.String(), isShape, f(), g(n.square), kind(2), any(&failure{3}).(error))
		var e *failure
		fmt.Println(errors.As(fmt.Errorf("wrapped: %w", &failure{4}), &e), e)
	})
	section("generics", func() {
		var s stack[pair[string, []int]]
		s.Push(pair[string, []int]{"k", []int{1}})
		s.Push(pair[string, []int]{Key: "l"})
		for i, v := range s.All() {
			fmt.Println(i, v)
		}
		fmt.Println(slices.Sorted(maps.Keys(map[kindName]int{"d": 1, "c": 2})))
		fmt.Printf("%T %v %v\n", s, s.Pop(), sorted(map[kindName]int{"b": 2, "a": 1}))
	})
	section("types", func() {
		for _, v := range []any{number, table, pointers[:1], square{}, &named{}, stack[int]{}, func(int) (string, error) { return "", nil }, make(chan *node), [3]kind{}} {
			t := reflect.TypeOf(v)
			fmt.Println(t, t.Kind(), t.Size(), t.PkgPath(), t.NumMethod())
		}
		t := reflect.TypeFor[named]()
		for i := range t.NumField() {
			fmt.Println(t.Field(i).Name, t.Field(i).Type, t.Field(i).Tag)
		}
		fmt.Println(reflect.PointerTo(t) == reflect.TypeFor[*named](), reflect.SliceOf(reflect.TypeFor[*node]()) == reflect.TypeFor[[]*node](),
			reflect.MapOf(reflect.TypeFor[string](), reflect.TypeFor[*node]()) == reflect.TypeFor[map[string]*node](),
			reflect.FuncOf([]reflect.Type{reflect.TypeFor[int]()}, nil, false) == reflect.TypeFor[func(int)](),
			reflect.SliceOf(reflect.TypeFor[int]()) == reflect.TypeFor[[]int]())
		v := reflect.ValueOf(&square{2})
		v.MethodByName("Grow").Call([]reflect.Value{reflect.ValueOf(2.0)})
		fmt.Println(v.MethodByName("String").Call(nil)[0], reflect.New(reflect.TypeFor[stack[string]]()).Elem().Type())
		made := reflect.StructOf([]reflect.StructField{{Name: "A", Type: reflect.TypeFor[square]()}})
		fmt.Println(made, reflect.New(made).Elem().Field(0).Method(0).Call(nil)[0])
		fmt.Println(any(square{1}) == any(square{1}), any([2]kind{1}) == any([2]kind{1}), unsafe.Sizeof(grid))
	})
	section("encodings", func() {
		text, err := json.Marshal(map[string]any{"a": pair[string, *square]{"k", &square{2}}, "b": []named{}, "c": time.Duration(5)})
		fmt.Println(string(text), err)
		var back struct {
			A pair[string, *square]
			C time.Duration
		}
		fmt.Println(json.Unmarshal(text, &back), back.A.Value.Side, back.C)
		gob.Register(square{})
		var b bytes.Buffer
		fmt.Println(gob.NewEncoder(&b).Encode(coded{square{3}}))
		var c coded
		fmt.Println(gob.NewDecoder(&b).Decode(&c), c)
		template.Must(template.New("").Parse("{{.Area}} {{range .List}}<{{.}}>{{end}}\n")).Execute(os.Stdout, struct {
			square
			List []kind
		}{square{3}, []kind{0, 1}})
	})
	section("goroutines", func() {
		var total atomic.Int64
		var all sync.WaitGroup
		m := map[int]*node{}
		var mu sync.Mutex
		for i := range 50 {
			all.Go(func() {
				for j := range 200 {
					mu.Lock()
					m[j] = &node{name: fmt.Sprint(i)}
					mu.Unlock()
					total.Add(int64(j))
				}
				runtime.Gosched()
			})
		}
		all.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
		defer cancel()
		<-ctx.Done()
		select {
		case <-time.After(time.Hour):
		case <-ctx.Done():
		}
		fmt.Println(total.Load(), len(m), ctx.Err(), new(big.Int).Exp(big.NewInt(3), big.NewInt(100), nil))
		next, stop := iter.Pull(func(yield func(int) bool) { _ = yield(1) && yield(2) })
		a, _ := next()
		b, _ := next()
		stop()
		fmt.Println(a, b)
		collected := make(chan bool)
		runtime.AddCleanup(&node{name: "gone"}, func(n int) { collected <- n == number }, number)
		runtime.GC()
		fmt.Println(<-collected)
	})
	section("panics", func() {
		fmt.Println(fail(3), number)
		var m map[string]int
		m["x"] = 1
	})
	section("nil", func() { var n *node; fmt.Println(n.name) })
	section("division", func() { fmt.Println(1 / zero) })
	section("assertion", func() { fmt.Println(any(square{}).(io.Reader)) })
	section("goexit", func() {
		done := make(chan bool)
		go func() {
			defer close(done)
			defer fmt.Println("deferred")
			runtime.Goexit()
		}()
		<-done
	})
	section("frames", func() {
		fmt.Println(inlined())
		f := runtime.FuncForPC(reflect.ValueOf(section).Pointer())
		file, line := f.FileLine(f.Entry())
		fmt.Println(f.Name(), file[strings.LastIndex(file, "/")+1:], line, runtime.FuncForPC(reflect.ValueOf(strings.ToUpper).Pointer()).Name())
		for _, f := range []any{order, square.Area, square.String, (*square).Grow, section, deep, fail, caller, inlined, main} {
			fmt.Println(runtime.FuncForPC(reflect.ValueOf(f).Pointer()).Name())
		}
		pcs := make([]uintptr, 8)
		for frames := runtime.CallersFrames(pcs[:runtime.Callers(0, pcs)]); ; { // the first is inlined, and of another package's file
			frame, more := frames.Next()
			fmt.Println(frame.Function, frame.File[strings.LastIndex(frame.File, "/")+1:], frame.Line)
			if !more {
				break
			}
		}
	})
	if len(os.Args) > 1 {
		defer fmt.Println("not caught")
		var list []int
		func() { list[number] = 1 }()
	}
}

type kindName string
