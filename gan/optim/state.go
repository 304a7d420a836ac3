package optim

import (
	"fmt"
	"slices"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph" //nolint:staticcheck // graph mathematics reads as formulas
	"github.com/gomlx/gomlx/ml/model"
	"github.com/gomlx/gomlx/ml/model/initializer"
)

// State is what an optimizer knows within a graph: the variables, the present settings, and what it remembers of updates
// before. Names that it remembers things by are its own; where parts of a [Chain] have one in common, that of the second
// part to use it is numbered.
type State struct {
	*memory
	part    string // tells the parts of a chain apart
	setting func(name string) *Node
}

// memory is what the parts of an optimizer share.
type memory struct {
	graph     *Graph
	scope     *model.Scope
	variables []*model.Variable
	places    []string            // of each variable, below scope
	slots     map[string]*slot    // by path below scope
	changed   []*slot             // in the order in which they were
	owners    map[string][]string // the parts that use a name, in the order in which they first did
}

// slot is a variable of the optimizer and what it is to become.
type slot struct {
	variable *model.Variable
	value    *Node
	changed  bool
}

// NewState begins an update of variables, which are float32. scope is that of the optimizer's own variables: they are made as
// zeros when they are first used, at paths that follow from the variables' own. setting gives the present value of each of
// its settings, a float32 scalar.
func NewState(scope *model.Scope, g *Graph, setting func(name string) *Node, variables []*model.Variable) *State {
	m := &memory{graph: g, scope: scope.WithInitializer(initializer.Zero), variables: variables,
		slots: map[string]*slot{}, owners: map[string][]string{}}
	for _, v := range variables {
		if v.DType() != dtypes.Float32 {
			panic(fmt.Errorf("variable %s is %s: optimizers update float32", v.Path(), v.DType()))
		}
		place := model.EscapeScopeName(v.Path()[1:])
		if i := slices.Index(m.places, place); i >= 0 {
			panic(fmt.Errorf("variables %s and %s would share an optimizer's state, %s: rename one", variables[i].Path(), v.Path(), place))
		}
		m.places = append(m.places, place)
	}
	return &State{memory: m, setting: setting}
}

// Graph is the graph that the update is built into.
func (s *State) Graph() *Graph { return s.graph }

// Setting is the present value of one of the optimizer's Settings, a float32 scalar.
func (s *State) Setting(name string) *Node {
	value := s.setting(name)
	if value == nil {
		panic(fmt.Errorf("an optimizer reads a setting %q that has no value: list it in its Settings", name))
	}
	return value
}

// Values are the variables' present values.
func (s *State) Values() []*Node { return ValuesOf(s.graph, s.variables) }

// Slots are what is remembered by a name, a node for each variable and of its shape: zeros in the first update.
func (s *State) Slots(name string) []*Node {
	name = s.own(name)
	values := make([]*Node, len(s.variables))
	for i, v := range s.variables {
		values[i] = s.slot(s.places[i], name, v.Shape()).value
	}
	return values
}

// SetSlots says what is to be remembered by a name until the next update.
func (s *State) SetSlots(name string, values []*Node) {
	name = s.own(name)
	for i, v := range s.variables {
		s.set(s.slot(s.places[i], name, v.Shape()), values[i])
	}
}

// Next adds 1 to a counter, which begins at 0, and returns it, an int64 scalar. So called once in each Update it is the number
// of the update.
func (s *State) Next(counter string) *Node {
	of := s.slot("", s.own(counter), shapes.Make(dtypes.Int64))
	s.set(of, AddScalar(of.value, 1))
	return of.value
}

// Descend moves the variables, within the graph, by an update of the optimizer. Neither the variables' new values nor what
// the optimizer remembers are held constant, so what is built on them can be differentiated through the update. A network
// that looks ahead makes several, takes the variables back, and leaves out Commit.
func (s *State) Descend(o Optimizer, gradients []*Node) {
	for i, change := range s.update(o, gradients) {
		s.variables[i].SetNodeValue(Sub(s.variables[i].NodeValue(s.graph), change))
	}
}

// Commit writes what the optimizer remembers to its variables.
func (s *State) Commit() {
	for _, slot := range s.changed {
		slot.variable.SetNodeValue(slot.value)
	}
}

// update is o.Update, of which no broken promise is passed on.
func (s *State) update(o Optimizer, gradients []*Node) []*Node {
	if len(gradients) != len(s.variables) {
		panic(fmt.Errorf("%d gradients for %d variables", len(gradients), len(s.variables)))
	}
	changes := o.Update(s, gradients)
	if len(changes) != len(gradients) {
		panic(fmt.Errorf("optimizer %v makes %d changes of %d gradients", o, len(changes), len(gradients)))
	}
	for i, v := range s.variables {
		if !changes[i].Shape().Equal(v.Shape()) {
			panic(fmt.Errorf("optimizer %v makes a change %s for %s, which is %s", o, changes[i].Shape(), v.Path(), v.Shape()))
		}
	}
	return changes
}

// part is the state as part number i sees it. names tells what its settings are called here.
func (s *State) forPart(i int, names map[string]string) *State {
	return &State{memory: s.memory, part: fmt.Sprintf("%s/%d", s.part, i), setting: func(name string) *Node {
		called, listed := names[name]
		if !listed {
			return nil
		}
		return s.Setting(called)
	}}
}

// own is what a name of this part is called among those of all parts.
func (s *State) own(name string) string {
	i := slices.Index(s.owners[name], s.part)
	if i < 0 {
		i = len(s.owners[name])
		s.owners[name] = append(s.owners[name], s.part)
	}
	if i == 0 {
		return name
	}
	return fmt.Sprintf("%s.%d", name, i+1)
}

// slot finds a variable of the optimizer, or makes it of zeros.
func (m *memory) slot(place, name string, shape shapes.Shape) *slot {
	path := place + model.ScopeSeparator + name
	if found := m.slots[path]; found != nil {
		return found
	}
	scope := m.scope
	if place != "" {
		scope = scope.At("%s", place)
	}
	made := &slot{variable: scope.VariableWithShape(name, shape).SetTrainable(false)}
	made.value = made.variable.NodeValue(m.graph)
	m.slots[path] = made
	return made
}

// set says what a slot is to become.
func (m *memory) set(of *slot, value *Node) {
	if !value.Shape().Equal(of.variable.Shape()) {
		panic(fmt.Errorf("an optimizer is to remember %s as %s, which is %s", value.Shape(), of.variable.Path(), of.variable.Shape()))
	}
	if of.value = value; !of.changed {
		of.changed, m.changed = true, append(m.changed, of)
	}
}
