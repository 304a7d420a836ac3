package keepgomlx

import (
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"unsafe"

	"github.com/gomlx/compute"
	"github.com/gomlx/compute/distributed"
	"github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/ml/model"
)

// An Exec holds its graph function within one of GoMLX's own, which calls it with as many nodes as it takes. Here the function
// is taken out, kept as any other is, and put into a function of this package.

// form says how a graph function is called.
type form struct {
	Inputs, Outputs          int // numbers of nodes; of no meaning for a slice
	Graph, InSlice, OutSlice bool
}

// keptGraphExec stands in for a graph.Exec.
type keptGraphExec struct {
	Backend  compute.Backend
	Function any // the graph function, of the type that Form says; a graph.CanonicalExecGraphFn where it is Canonical
	settings
}

// keptModelExec stands in for a model.Exec.
type keptModelExec struct {
	Backend  compute.Backend
	Store    *model.Store
	Function any // as in keptGraphExec, with a scope in front
	settings
}

// settings are what an Exec has beside its function.
type settings struct {
	Form      form
	Canonical bool
	Name      string
	MaxCache  int
	Axes      [][]string // of inputs with axes of any size
}

func keptGraphExecOf(e *graph.Exec) (any, error) {
	s, err := settingsOfExec(e)
	if err != nil {
		return nil, err
	}
	backend, err1 := unexported[compute.Backend](e, "backend")
	canonical, err2 := unexported[graph.CanonicalExecGraphFn](e, "graphFn")
	hook, err3 := unexported[graph.SideParamsFn](e, "setSideParams")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	if *hook != nil {
		return nil, errors.New("an Exec with a hook for side parameters")
	}
	k := keptGraphExec{Backend: *backend, settings: s}
	k.Function, k.Canonical, err = function(*canonical, s.Form.of(nil))
	return k, err
}

// Restored makes the Exec anew; it compiles, or loads, when it is first called.
func (k keptGraphExec) Restored() (any, error) {
	canonical, ok := k.Function.(graph.CanonicalExecGraphFn)
	if !k.Canonical {
		canonical, ok = (&adapted{k.Function, k.Form}).call, true
	}
	if !ok {
		return nil, fmt.Errorf("a graph function of type %T", k.Function)
	}
	f := k.Form
	e, err := graph.NewExecCanonical(k.Backend, canonical, f.Inputs, f.Outputs, f.Graph, f.InSlice, f.OutSlice)
	if usual, is := k.Function.(func(*graph.Node) *graph.Node); is {
		e, err = graph.NewExec(k.Backend, usual) // also brings the types of all graph functions into the program
	}
	if err != nil {
		return nil, err
	}
	e.WithName(k.Name).SetMaxCache(k.MaxCache)
	if k.Axes != nil {
		e.WithDynamicAxes(k.Axes...)
	}
	return e, nil
}

func keptModelExecOf(e *model.Exec) (any, error) {
	inner, err := unexported[*graph.Exec](e, "exec")
	if err != nil {
		return nil, err
	}
	s, err := settingsOfExec(*inner)
	if err != nil {
		return nil, err
	}
	if s.Form, err = formOf(e); err != nil {
		return nil, err
	}
	backend, err1 := unexported[compute.Backend](e, "backend")
	store, err2 := unexported[*model.Store](e, "store")
	canonical, err3 := unexported[model.CanonicalExecGraphFn](e, "modelGraphFn")
	if err := errors.Join(err1, err2, err3); err != nil {
		return nil, err
	}
	k := keptModelExec{Backend: *backend, Store: *store, settings: s}
	k.Function, k.Canonical, err = function(*canonical, s.Form.of(reflect.TypeFor[*model.Scope]()))
	return k, err
}

// Restored makes the Exec anew; it compiles, or loads, when it is first called.
func (k keptModelExec) Restored() (any, error) {
	canonical, ok := k.Function.(model.CanonicalExecGraphFn)
	if !k.Canonical {
		canonical, ok = (&adapted{k.Function, k.Form}).callWithScope, true
	}
	if !ok {
		return nil, fmt.Errorf("a graph function of type %T", k.Function)
	}
	f := k.Form
	e, err := model.NewExecCanonical(k.Backend, k.Store, canonical, f.Inputs, f.Outputs, f.Graph, f.InSlice, f.OutSlice)
	if usual, is := k.Function.(func(*model.Scope, *graph.Node) *graph.Node); is {
		e, err = model.NewExec(k.Backend, k.Store, usual) // as in keptGraphExec
	}
	if err != nil {
		return nil, err
	}
	inner, err := unexported[*graph.Exec](e, "exec")
	if err != nil {
		return nil, err
	}
	(*inner).WithName(k.Name).SetMaxCache(k.MaxCache)
	if k.Axes != nil {
		(*inner).WithDynamicAxes(k.Axes...)
	}
	return e, nil
}

// settingsOfExec reads what an Exec was set to.
func settingsOfExec(e *graph.Exec) (s settings, err error) {
	if s.Form, err = formOf(e); err != nil {
		return s, err
	}
	most, err1 := unexported[int](e, "maxCacheSize")
	axes, err2 := unexported[[][]string](e, "dynamicAxes")
	if err := errors.Join(err1, err2); err != nil {
		return s, err
	}
	switch finalized, err := unexported[bool](e, "finalized"); {
	case err != nil:
		return s, err
	case *finalized:
		return s, errFinalized("Exec")
	case e.NumDevices() > 1 || e.DistributionStrategy() != distributed.None || len(e.DeviceAssignment()) > 0:
		return s, errors.New("an Exec on several or chosen devices: make it in the cell that uses it")
	case reflect.ValueOf(e.GetNodeLogger()).Pointer() != reflect.ValueOf(graph.DefaultNodeLogger).Pointer():
		return s, errors.New("an Exec with a logger of nodes of its own: make it in the cell that uses it")
	}
	s.Name, s.MaxCache, s.Axes = e.Name(), *most, slices.Clone(*axes)
	return s, nil
}

// formOf reads the form from an Exec of either kind.
func formOf(e any) (f form, err error) {
	for name, to := range map[string]any{"numInputs": &f.Inputs, "numOutputs": &f.Outputs, "inputIsGraph": &f.Graph,
		"inputAsSlice": &f.InSlice, "outputAsSlice": &f.OutSlice} {
		switch to := to.(type) {
		case *int:
			n, failed := unexported[int](e, name)
			if failed != nil {
				return f, failed
			}
			*to = *n
		case *bool:
			is, failed := unexported[bool](e, name)
			if failed != nil {
				return f, failed
			}
			*to = *is
		}
	}
	return f, nil
}

// of is the type of a graph function of this form. scope is the type of a first parameter, nil for none.
func (f form) of(scope reflect.Type) reflect.Type {
	node, nodes := reflect.TypeFor[*graph.Node](), reflect.TypeFor[[]*graph.Node]()
	var in, out []reflect.Type
	if scope != nil {
		in = append(in, scope)
	}
	if f.Graph {
		in = append(in, reflect.TypeFor[*graph.Graph]())
	}
	if f.InSlice {
		in = append(in, nodes)
	} else if !f.Graph {
		in = append(in, slices.Repeat([]reflect.Type{node}, f.Inputs)...)
	}
	if f.OutSlice {
		out = append(out, nodes)
	} else {
		out = slices.Repeat([]reflect.Type{node}, f.Outputs)
	}
	return reflect.FuncOf(in, out, false)
}

// function takes the graph function out of the one that GoMLX, or this package, has made of it. canonical is true for a
// function that was given to GoMLX as it is.
func function[F graph.CanonicalExecGraphFn | model.CanonicalExecGraphFn](from F, of reflect.Type) (f any, canonical bool, err error) {
	code := reflect.ValueOf(from).Pointer()
	// A function value points to the address of its code, and behind it lies what it has captured.
	captured := unsafe.Add(*(*unsafe.Pointer)(unsafe.Pointer(&from)), unsafe.Sizeof(uintptr(0)))
	if code == reflect.ValueOf((*adapted).call).Pointer() || code == reflect.ValueOf((&adapted{}).call).Pointer() ||
		code == reflect.ValueOf((&adapted{}).callWithScope).Pointer() {
		return (*(**adapted)(captured)).function, false, nil
	}
	if !strings.Contains(runtime.FuncForPC(code).Name(), ".convertExecFn[") {
		return from, true, nil
	}
	inner := *(*unsafe.Pointer)(captured)
	if inner == nil || runtime.FuncForPC(*(*uintptr)(inner)) == nil {
		return nil, false, errors.New("an Exec of this version of GoMLX cannot be kept")
	}
	return reflect.NewAt(of, unsafe.Pointer(&inner)).Elem().Interface(), false, nil
}

// adapted calls a graph function of any form as GoMLX calls all of them.
type adapted struct {
	function any
	form     form
}

func (a *adapted) call(g *graph.Graph, inputs []*graph.Node) []*graph.Node {
	return a.run(nil, g, inputs)
}

func (a *adapted) callWithScope(scope *model.Scope, g *graph.Graph, inputs []*graph.Node) []*graph.Node {
	return a.run([]reflect.Value{reflect.ValueOf(scope)}, g, inputs)
}

func (a *adapted) run(in []reflect.Value, g *graph.Graph, inputs []*graph.Node) (nodes []*graph.Node) {
	if a.form.Graph {
		in = append(in, reflect.ValueOf(g))
	}
	if a.form.InSlice {
		in = append(in, reflect.ValueOf(inputs))
	} else if !a.form.Graph {
		for _, input := range inputs {
			in = append(in, reflect.ValueOf(input))
		}
	}
	out := reflect.ValueOf(a.function).Call(in)
	if a.form.OutSlice {
		return out[0].Interface().([]*graph.Node)
	}
	for _, node := range out {
		nodes = append(nodes, node.Interface().(*graph.Node))
	}
	return nodes
}
