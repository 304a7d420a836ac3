package optim

// Inertial is an optimizer with momentum.
type Inertial interface {
	// Inertia is the part of a change that goes on into the next, such as Adam's Beta1. It is negative where the next goes
	// against it.
	Inertia() float64
}

// Holder is an optimizer that consists of others.
type Holder interface {
	// Parts are these, in the order in which gradients pass through them.
	Parts() []Optimizer
}

// Inertia is the largest of an optimizer and its parts, and 0 where none goes on.
func Inertia(o Optimizer) float64 {
	largest := 0.0
	if inertial, ok := o.(Inertial); ok {
		largest = max(largest, inertial.Inertia())
	}
	if holder, ok := o.(Holder); ok {
		for _, part := range holder.Parts() {
			largest = max(largest, Inertia(part))
		}
	}
	return largest
}

// Inertia implements Inertial.
func (a Adam) Inertia() float64 { return a.Beta1 }

// Inertia implements Inertial.
func (o SGD) Inertia() float64 { return o.Momentum }

// Inertia implements Inertial.
func (o Lion) Inertia() float64 { return o.Beta1 }

// Parts implements Holder.
func (c Chained) Parts() []Optimizer { return []Optimizer{c.First, c.Then} }

// Parts implements Holder.
func (o Optimistic) Parts() []Optimizer { return []Optimizer{o.Of} }

// Parts implements Holder.
func (l Lookahead) Parts() []Optimizer { return []Optimizer{l.Of} }

// Parts implements Holder.
func (o Scheduled) Parts() []Optimizer { return []Optimizer{o.Of} }
