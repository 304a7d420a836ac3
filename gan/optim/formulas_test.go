package optim_test

import (
	"math"
	"testing"

	"github.com/gomlx/compute"

	"gantry.local/gan/gantest"
	"gantry.local/gan/optim"
)

// rule is an optimizer as its paper writes it, in float64: it updates θ by g in update t, from 1 on, with settings that are
// f times the optimizer's.
type rule func(t int, f float64, θ, g []float64)

func zeros() []float64 { return make([]float64, len(start)) }

func adamRule(rate, beta1, beta2, epsilon, decay float64) rule {
	m, v := zeros(), zeros()
	return func(t int, f float64, θ, g []float64) {
		for i := range θ {
			m[i] = beta1*m[i] + (1-beta1)*g[i]
			v[i] = beta2*v[i] + (1-beta2)*g[i]*g[i]
			mean, square := m[i]/(1-math.Pow(beta1, float64(t))), v[i]/(1-math.Pow(beta2, float64(t)))
			θ[i] -= f*rate*f*decay*θ[i] + f*rate*mean/(math.Sqrt(square)+epsilon)
		}
	}
}

func sgdRule(rate, momentum float64, nesterov bool) rule {
	m := zeros()
	return func(t int, f float64, θ, g []float64) {
		for i := range θ {
			m[i] = momentum*m[i] + g[i]
			direction := m[i]
			if nesterov {
				direction = g[i] + momentum*m[i]
			}
			θ[i] -= f * rate * direction
		}
	}
}

func rmspropRule(rate, decay, epsilon float64) rule {
	v := zeros()
	return func(t int, f float64, θ, g []float64) {
		for i := range θ {
			v[i] = decay*v[i] + (1-decay)*g[i]*g[i]
			θ[i] -= f * rate * g[i] / (math.Sqrt(v[i]) + epsilon)
		}
	}
}

func lionRule(rate, beta1, beta2, decay float64) rule {
	m := zeros()
	return func(t int, f float64, θ, g []float64) {
		for i := range θ {
			direction, sign := beta1*m[i]+(1-beta1)*g[i], 0.0
			if direction != 0 {
				sign = math.Copysign(1, direction)
			}
			θ[i] -= f * rate * (sign + f*decay*θ[i])
			m[i] = beta2*m[i] + (1-beta2)*g[i]
		}
	}
}

// optimisticRule is algorithm 1 of Daskalakis et al.: -2η m̂ₜ/(√v̂ₜ+ε) + η m̂ₜ₋₁/(√v̂ₜ₋₁+ε).
func optimisticRule(rate, beta1, beta2, epsilon float64) rule {
	m, v, before := zeros(), zeros(), zeros()
	return func(t int, f float64, θ, g []float64) {
		for i := range θ {
			m[i] = beta1*m[i] + (1-beta1)*g[i]
			v[i] = beta2*v[i] + (1-beta2)*g[i]*g[i]
			mean, square := m[i]/(1-math.Pow(beta1, float64(t))), v[i]/(1-math.Pow(beta2, float64(t)))
			now := f * rate * mean / (math.Sqrt(square) + epsilon)
			θ[i] += -2*now + before[i]
			before[i] = now
		}
	}
}

func lookaheadRule(of rule, steps int, share float64) rule {
	φ := append([]float64{}, start...)
	return func(t int, f float64, θ, g []float64) {
		of(t, f, θ, g)
		if t%steps > 0 {
			return
		}
		for i := range θ {
			φ[i] += f * share * (θ[i] - φ[i])
			θ[i] = φ[i]
		}
	}
}

// changed is a rule whose gradient is changed first.
func changed(by func(f float64, θ, g []float64), of rule) rule {
	return func(t int, f float64, θ, g []float64) {
		by(f, θ, g)
		of(t, f, θ, g)
	}
}

func clipNorm(limit float64) func(f float64, θ, g []float64) {
	return func(f float64, θ, g []float64) {
		sum := 0.0
		for _, x := range g {
			sum += x * x
		}
		for i := range g {
			g[i] *= min(1, f*limit/math.Sqrt(sum))
		}
	}
}

func clipValue(limit float64) func(f float64, θ, g []float64) {
	return func(f float64, θ, g []float64) {
		for i := range g {
			g[i] = min(max(g[i], -f*limit), f*limit)
		}
	}
}

func decay(weight float64) func(f float64, θ, g []float64) {
	return func(f float64, θ, g []float64) {
		for i := range g {
			g[i] += f * weight * θ[i]
		}
	}
}

// clippedChange is a rule whose change is clipped by value.
func clippedChange(of rule, limit float64) rule {
	return func(t int, f float64, θ, g []float64) {
		before := append([]float64{}, θ...)
		of(t, f, θ, g)
		for i := range θ {
			θ[i] = before[i] + min(max(θ[i]-before[i], -f*limit), f*limit)
		}
	}
}

// TestFormulas makes 12 updates, the last 6 with settings at half their value, and compares the weights after each with
// those by the papers' formulas.
func TestFormulas(t *testing.T) {
	sgd := optim.SGD{Rate: 0.1}
	adam := optim.NewAdam(0.05, 0.5, 0.9)
	cases := []struct {
		of   optim.Optimizer
		rule func() rule
	}{
		{sgd, func() rule { return sgdRule(0.1, 0, false) }},
		{optim.SGD{Rate: 0.05, Momentum: 0.9}, func() rule { return sgdRule(0.05, 0.9, false) }},
		{optim.SGD{Rate: 0.05, Momentum: -0.3}, func() rule { return sgdRule(0.05, -0.3, false) }},
		{optim.SGD{Rate: 0.05, Momentum: 0.9, Nesterov: true}, func() rule { return sgdRule(0.05, 0.9, true) }},
		{optim.NewRMSProp(0.01), func() rule { return rmspropRule(0.01, 0.99, 1e-8) }},
		{optim.RMSProp{Rate: 0.01, Decay: 0.9, Epsilon: 1e-3}, func() rule { return rmspropRule(0.01, 0.9, 1e-3) }},
		{optim.RMSProp{Rate: 0.01, Epsilon: 0.1}, func() rule { return rmspropRule(0.01, 0, 0.1) }},
		{adam, func() rule { return adamRule(0.05, 0.5, 0.9, 1e-8, 0) }},
		{optim.NewAdam(0.05, 0, 0.9), func() rule { return adamRule(0.05, 0, 0.9, 1e-8, 0) }},
		{optim.Adam{Rate: 0.05, Beta1: 0.9, Epsilon: 0.1}, func() rule { return adamRule(0.05, 0.9, 0, 0.1, 0) }},
		{optim.Adam{Rate: 0.05, Epsilon: 0.1}, func() rule { return adamRule(0.05, 0, 0, 0.1, 0) }},
		{optim.Adam{Rate: 0.05, Beta1: 0.5, Beta2: 0.9}, func() rule { return adamRule(0.05, 0.5, 0.9, 1e-15, 0) }},
		{optim.NewAdamW(0.05, 0.5, 0.9, 0.4), func() rule { return adamRule(0.05, 0.5, 0.9, 1e-8, 0.4) }},
		{optim.NewLion(0.03), func() rule { return lionRule(0.03, 0.9, 0.99, 0) }},
		{optim.Lion{Rate: 0.03, Beta1: 0.5, WeightDecay: 0.4}, func() rule { return lionRule(0.03, 0.5, 0, 0.4) }},
		{optim.NewOptimisticAdam(0.05, 0.5, 0.9), func() rule { return optimisticRule(0.05, 0.5, 0.9, 1e-8) }},
		{optim.Lookahead{Of: adam, Steps: 4, Share: 0.5},
			func() rule { return lookaheadRule(adamRule(0.05, 0.5, 0.9, 1e-8, 0), 4, 0.5) }},
		{optim.Lookahead{Of: sgd, Steps: 1, Share: 0.25}, func() rule { return lookaheadRule(sgdRule(0.1, 0, false), 1, 0.25) }},
		{optim.Lookahead{Of: optim.Lookahead{Of: sgd, Steps: 2, Share: 0.5}, Steps: 4, Share: 0.8},
			func() rule { return lookaheadRule(lookaheadRule(sgdRule(0.1, 0, false), 2, 0.5), 4, 0.8) }},
		{optim.Chain(optim.ClipNorm(1), optim.SGD{Rate: 0.1, Momentum: 0.9}),
			func() rule { return changed(clipNorm(1), sgdRule(0.1, 0.9, false)) }},
		{optim.Chain(optim.ClipNorm(1e6), adam), func() rule { return adamRule(0.05, 0.5, 0.9, 1e-8, 0) }},
		{optim.Chain(optim.ClipValue(0.5), optim.SGD{Rate: 0.1, Momentum: 0.9}),
			func() rule { return changed(clipValue(0.5), sgdRule(0.1, 0.9, false)) }},
		{optim.Chain(optim.SGD{Rate: 0.1, Momentum: 0.9}, optim.ClipValue(0.03)),
			func() rule { return clippedChange(sgdRule(0.1, 0.9, false), 0.03) }},
		{optim.Chain(optim.ClipValue(0.5), optim.WeightDecay(0.5), sgd), // what is clipped first is decayed in full
			func() rule { return changed(clipValue(0.5), changed(decay(0.5), sgdRule(0.1, 0, false))) }},
		{optim.Chain(optim.WeightDecay(0.5), optim.ClipValue(0.5), sgd),
			func() rule { return changed(decay(0.5), changed(clipValue(0.5), sgdRule(0.1, 0, false))) }},
		{optim.Chain(optim.ClipNorm(2), optim.ClipValue(0.7), optim.ClipNorm(1), sgd),
			func() rule {
				return changed(clipNorm(2), changed(clipValue(0.7), changed(clipNorm(1), sgdRule(0.1, 0, false))))
			}},
		{optim.Chain(optim.SGD{Rate: 0.5, Momentum: 0.5}, optim.SGD{Rate: 0.2, Momentum: 0.7}), func() rule {
			first, then := sgdRule(0.5, 0.5, false), sgdRule(0.2, 0.7, false)
			return func(t int, f float64, θ, g []float64) {
				change := zeros()
				first(t, f, change, g) // from 0, so minus the change
				for i := range change {
					change[i] = -change[i]
				}
				then(t, f, θ, change)
			}
		}},
		{optim.Scheduled{Of: sgd, Schedule: optim.Cosine{Steps: 3}}, func() rule { return sgdRule(0.1, 0, false) }}, // the graph knows none
	}
	gantest.EachBackend(t, func(t *testing.T, backend compute.Backend) {
		for _, c := range cases {
			p, want, by := newProblem(t, backend, c.of), append([]float64{}, start...), c.rule()
			of := c.of
			if s, ok := of.(optim.Scheduled); ok {
				of = s.Of
			}
			for step := range 12 {
				factor, factors := 1.0, map[string]float64{}
				if step >= 6 {
					factor = 0.5
					for _, s := range of.Settings() {
						factors[s.Name] = factor
					}
				}
				p.step(t, of, factors)
				by(step+1, factor, want, gradients(want))
				got := p.weights(t)
				if off := furthest(got, want); !(off < 3e-6) {
					t.Errorf("%v: after %d updates a weight is off by %.1e of the largest, want < 3e-6\n got %.6v\nwant %.6v",
						c.of, step+1, off, got, want)
					break
				}
			}
		}
	})
}
