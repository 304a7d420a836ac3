package method

import (
	"math"

	"gantry.local/gan/part"
)

// Kinds are the methods by name.
func Kinds() part.Kinds[Method] {
	const most = math.MaxInt32
	criticSteps := func(at *int) part.Parameter {
		return part.Whole("critic-steps", "critic updates in a step", at, 1, most)
	}
	penaltyEvery := func(at *int) part.Parameter {
		return part.Whole("penalty-every", "steps from one with penalties to the next", at, 1, most)
	}
	noise := func(at *float64) part.Parameter {
		return part.Number("label-noise", "probability that a pair changes sides", at, 0, math.Nextafter(0.5, 0))
	}
	alternating := func(a *Alternating) []part.Parameter {
		return []part.Parameter{criticSteps(&a.CriticSteps), penaltyEvery(&a.PenaltyEvery), part.Whole("parts", "of a batch, one after the other", &a.Parts, 1, most),
			noise(&a.LabelNoise)}
	}
	positive := math.SmallestNonzeroFloat64
	return part.Kinds[Method]{Sort: "method", All: []part.Kind[Method]{
		part.Value[Method]("alternating", "the critic, then the generator against what it has become", Alternating{}, alternating),
		part.Value[Method]("halves", "the critic on real and then on fake samples, then the generator", Halves{}, func(h *Halves) []part.Parameter {
			return []part.Parameter{criticSteps(&h.CriticSteps)}
		}),
		part.Value[Method]("simultaneous", "both at the same weights", Simultaneous{}, func(s *Simultaneous) []part.Parameter {
			return []part.Parameter{criticSteps(&s.CriticSteps), penaltyEvery(&s.PenaltyEvery), noise(&s.LabelNoise)}
		}),
		part.Value[Method]("unrolled", "the generator looks ahead", Unrolled{Ahead: 5}, func(u *Unrolled) []part.Parameter {
			return append([]part.Parameter{part.Whole("ahead", "critic updates that it looks ahead", &u.Ahead, 1, mostUnrolled)}, alternating(&u.Alternating)...)
		}),
		part.Value[Method]("top-k", "the generator learns from the best of its batch", TopKTraining{}, func(t *TopKTraining) []part.Parameter {
			return append([]part.Parameter{part.Number("share", "of the batch in the end; 0: 0.5", &t.Share, 0, 1),
				part.Whole("steps", "until then; 0: 2000", &t.Steps, 0, most)}, alternating(&t.Alternating)...)
		}),
		part.Value[Method]("feature-matching", "the generator matches the means of the critic's features", FeatureMatching{}, func(f *FeatureMatching) []part.Parameter {
			return alternating(&f.Alternating)
		}),
		part.Value[Method]("self-supervised", "the critic also tells by how much images were turned", SelfSupervised{}, func(s *SelfSupervised) []part.Parameter {
			return append([]part.Parameter{part.Number("real", "weight for the critic; 0: 1", &s.Real, 0, math.MaxFloat32),
				part.Number("fake", "weight for the generator; 0: 0.2", &s.Fake, 0, math.MaxFloat32)}, alternating(&s.Alternating)...)
		}),
		part.Value[Method]("growing", "small images first, larger ones faded in", Growing{Stages: 3}, func(m *Growing) []part.Parameter {
			return append([]part.Parameter{part.Whole("stages", "resolutions of the networks", &m.Stages, 2, mostStages),
				part.Whole("hold", "steps with each; 0: 500", &m.Hold, 0, most), part.Whole("fade", "steps from one to the next; 0: 500", &m.Fade, 0, most)},
				alternating(&m.Alternating)...)
		}),
		part.Value[Method]("private", "critic updates with differential privacy", Private{Clip: 1, Noise: 0.6}, func(pv *Private) []part.Parameter {
			return []part.Parameter{part.Number("clip", "largest norm of one image's gradient", &pv.Clip, positive, math.MaxFloat32),
				part.Number("noise", "multiplier", &pv.Noise, positive, math.MaxFloat32),
				part.Number("delta", "probability with which the bound may fail; 0 for 1e-5", &pv.Delta, 0, math.Nextafter(1, 0)),
				criticSteps(&pv.CriticSteps)}
		}),
	}}
}
