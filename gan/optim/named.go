package optim

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"gantry.local/gan/part"
)

// Kinds are the optimizers by name, and what a chain of them is made of. Those that hold another, and the schedules, hold none
// yet: [Named] gives them what stands before them.
func Kinds() part.Kinds[Optimizer] {
	rate := func(at *float64) part.Parameter {
		return part.Number(SettingRate, "how far a weight moves", at, 0, math.MaxFloat32)
	}
	beta := func(name string, at *float64) part.Parameter {
		return part.Number(name, "decay of a mean", at, 0, math.Nextafter(1, 0))
	}
	epsilon := func(at *float64) part.Parameter {
		return part.Number("epsilon", "added to the root", at, 0, math.MaxFloat32)
	}
	decay := func(at *float64) part.Parameter {
		return part.Number("decay", "of the weights", at, 0, math.MaxFloat32)
	}
	number := func(name, about, parameter string, usual float64, of func(float64) Optimizer, back func(Optimizer) (float64, bool)) part.Kind[Optimizer] {
		return part.Of(name, about, usual, func(at *float64) []part.Parameter {
			return []part.Parameter{part.Number(parameter, "", at, 0, math.MaxFloat32)}
		}, of, back)
	}
	adam := func(a *Adam) []part.Parameter {
		return []part.Parameter{rate(&a.Rate), beta("beta1", &a.Beta1), beta("beta2", &a.Beta2), epsilon(&a.Epsilon)}
	}
	const steps = math.MaxInt32
	return part.Kinds[Optimizer]{Sort: "optimizer", All: []part.Kind[Optimizer]{
		part.Value[Optimizer]("adam", "means of the gradient and of its square", NewAdam(1e-3, 0.9, 0.999), adam),
		part.Value[Optimizer]("adamw", "adam with a decay of the weights beside it", NewAdamW(1e-3, 0.9, 0.999, 0.01), func(a *AdamW) []part.Parameter {
			return append(adam(&a.Adam), decay(&a.WeightDecay))
		}),
		part.Value[Optimizer]("rmsprop", "a mean of the squared gradient, without momentum", NewRMSProp(1e-3), func(o *RMSProp) []part.Parameter {
			return []part.Parameter{rate(&o.Rate), beta("decay", &o.Decay), epsilon(&o.Epsilon)}
		}),
		part.Value[Optimizer]("sgd", "descent along the gradient", SGD{Rate: 1e-2}, func(o *SGD) []part.Parameter {
			return []part.Parameter{rate(&o.Rate), part.Number("momentum", "", &o.Momentum, math.Nextafter(-1, 0), math.Nextafter(1, 0)),
				part.Truth("nesterov", "look one step of momentum ahead", &o.Nesterov)}
		}),
		part.Value[Optimizer]("lion", "the sign of a momentum", NewLion(1e-4), func(o *Lion) []part.Parameter {
			return []part.Parameter{rate(&o.Rate), beta("beta1", &o.Beta1), beta("beta2", &o.Beta2), decay(&o.WeightDecay)}
		}),
		number("clip-norm", "before an optimizer: the whole gradient at most so long", "norm", 1, func(x float64) Optimizer { return ClipNorm(x) },
			func(o Optimizer) (float64, bool) { c, is := o.(ClipNorm); return float64(c), is }),
		number("clip-value", "before an optimizer: each component at most so large", "value", 1, func(x float64) Optimizer { return ClipValue(x) },
			func(o Optimizer) (float64, bool) { c, is := o.(ClipValue); return float64(c), is }),
		number("weight-decay", "before an optimizer a penalty, behind it a shrinking", "decay", 1e-2, func(x float64) Optimizer { return WeightDecay(x) },
			func(o Optimizer) (float64, bool) { c, is := o.(WeightDecay); return float64(c), is }),
		part.Of("optimistic", "behind an optimizer: twice as far, less what was too far before", struct{}{}, func(*struct{}) []part.Parameter { return nil },
			func(struct{}) Optimizer { return Optimistic{} }, func(o Optimizer) (struct{}, bool) { _, is := o.(Optimistic); return struct{}{}, is }),
		part.Of("lookahead", "behind an optimizer: back a part of the way after every few updates", Lookahead{Steps: 5, Share: 0.5}, func(l *Lookahead) []part.Parameter {
			return []part.Parameter{part.Whole("steps", "from one look back to the next", &l.Steps, 1, steps),
				part.Number("share", "of the way that is kept", &l.Share, 0, 1)}
		}, func(l Lookahead) Optimizer { return l }, func(o Optimizer) (Lookahead, bool) { l, is := o.(Lookahead); l.Of = nil; return l, is }),
		schedule("cosine", "behind an optimizer: half a cosine down", Cosine{Steps: 10_000}, func(c *Cosine) []part.Parameter {
			return []part.Parameter{part.Whole("steps", "", &c.Steps, 1, steps), part.Number("final", "factor at the end", &c.Final, 0, math.MaxFloat32)}
		}),
		schedule("linear", "behind an optimizer: evenly down from a step to another", Linear{To: 10_000}, func(l *Linear) []part.Parameter {
			return []part.Parameter{part.Whole("from", "", &l.From, 0, steps), part.Whole("to", "", &l.To, 1, steps),
				part.Number("final", "factor at the end", &l.Final, 0, math.MaxFloat32)}
		}),
		schedule("warmup", "behind an optimizer: evenly up", Warmup{Steps: 1000}, func(w *Warmup) []part.Parameter {
			return []part.Parameter{part.Whole("steps", "", &w.Steps, 1, steps)}
		}),
	}}
}

// schedule is the kind of a schedule, of the rate where no other setting is named.
func schedule[S Schedule](name, about string, usual S, parameters func(*S) []part.Parameter) part.Kind[Optimizer] {
	type timed struct {
		schedule S
		setting  string
	}
	return part.Of(name, about, timed{usual, SettingRate}, func(t *timed) []part.Parameter {
		return append(parameters(&t.schedule), part.Name("of", "the setting that changes", &t.setting))
	}, func(t timed) Optimizer { return Scheduled{Schedule: t.schedule, Setting: t.setting} }, func(o Optimizer) (timed, bool) {
		s, is := o.(Scheduled)
		if !is {
			return timed{}, false
		}
		of, is := s.Schedule.(S)
		return timed{of, s.setting()}, is
	})
}

// Next stands between the parts of a chain: "clip-norm 1 | adam rate 0.002 | cosine steps 15000".
const Next = " | "

// Named makes the optimizer that a text describes: parts of [Kinds], each of which is given what the one before it makes, and those
// that hold another hold all before them. It is the way back from [Text].
func Named(text string) (Optimizer, error) {
	var o Optimizer
	for each := range strings.SplitSeq(text, strings.TrimSpace(Next)) {
		next, err := Kinds().Parse(each)
		if err != nil {
			return nil, err
		}
		if o, err = joined(o, next); err != nil {
			return nil, fmt.Errorf("optimizer %s: %w", strings.TrimSpace(each), err)
		}
	}
	if err := o.Check(); err != nil {
		return nil, err
	}
	return o, nil
}

// joined gives a part of a chain what stands before it.
func joined(before, next Optimizer) (Optimizer, error) {
	holds := false
	switch n := next.(type) {
	case Optimistic:
		n.Of = before
		next, holds = n, true
	case Lookahead:
		n.Of = before
		next, holds = n, true
	case Scheduled:
		n.Of = before
		next, holds = n, true
	}
	switch {
	case holds && before == nil:
		return nil, errors.New(`it stands behind an optimizer, such as in "adam` + Next + `…"`)
	case holds || before == nil:
		return next, nil
	}
	return Chain(before, next), nil
}

// Text is the text of an optimizer, which [Named] takes; false for one that is not of this package, or is nested as no chain is.
func Text(o Optimizer) (string, bool) {
	var before Optimizer
	last := o
	switch o := o.(type) {
	case Chained:
		before, last = o.First, o.Then
		if _, compound := o.Then.(Holder); compound {
			return "", false
		}
	case Optimistic:
		before = o.Of
	case Lookahead:
		before = o.Of
	case Scheduled:
		before = o.Of
	}
	text, is := Kinds().Text(last)
	if before == nil || !is {
		return text, is
	}
	first, is := Text(before)
	return first + Next + text, is
}

// With is an optimizer with another value of a parameter of one of its parts, such as its rate.
func With(o Optimizer, parameter, value string) (Optimizer, error) {
	var err error
	switch chain := o.(type) {
	case Chained:
		at := &chain.First
		if has(chain.Then, parameter) {
			at = &chain.Then
		}
		*at, err = With(*at, parameter, value)
		return chain, err
	case Optimistic:
		chain.Of, err = With(chain.Of, parameter, value)
		return chain, err
	case Lookahead:
		chain.Of, err = With(chain.Of, parameter, value)
		return chain, err
	case Scheduled:
		chain.Of, err = With(chain.Of, parameter, value)
		return chain, err
	}
	return Kinds().With(o, parameter, value)
}

// has tells whether With finds a parameter.
func has(o Optimizer, parameter string) bool {
	if holder, is := o.(Holder); is {
		for _, p := range holder.Parts() {
			if has(p, parameter) {
				return true
			}
		}
		return false
	}
	return Kinds().Has(o, parameter)
}
