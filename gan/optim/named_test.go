package optim_test

import (
	"strings"
	"testing"

	"gantry.local/gan/optim"
)

// TestNamed wants every optimizer again by its text, alone and in a chain.
func TestNamed(t *testing.T) {
	adam := optim.NewAdam(2e-4, 0.5, 0.999)
	for text, want := range map[string]optim.Optimizer{
		"adam rate 0.0002 beta1 0.5":                               adam,
		"adamw rate 0.1":                                           optim.NewAdamW(0.1, 0.9, 0.999, 0.01),
		"rmsprop rate 5e-05":                                       optim.NewRMSProp(5e-5),
		"sgd momentum 0.9 nesterov":                                optim.SGD{Rate: 0.01, Momentum: 0.9, Nesterov: true},
		"lion decay 0.1":                                           optim.Lion{Rate: 1e-4, Beta1: 0.9, Beta2: 0.99, WeightDecay: 0.1},
		"clip-norm norm 2 | adam rate 0.0002 beta1 0.5":            optim.Chain(optim.ClipNorm(2), adam),
		"adam rate 0.0002 beta1 0.5 | cosine steps 50":             optim.Scheduled{Of: adam, Schedule: optim.Cosine{Steps: 50}, Setting: "rate"},
		"adam rate 0.0002 beta1 0.5 | optimistic":                  optim.Optimistic{Of: adam},
		"adam rate 0.0002 beta1 0.5 | lookahead share 0.25":        optim.Lookahead{Of: adam, Steps: 5, Share: 0.25},
		"clip-value | adam rate 0.0002 beta1 0.5 | weight-decay":   optim.Chain(optim.ClipValue(1), adam, optim.WeightDecay(0.01)),
		"clip-norm | adam rate 0.0002 beta1 0.5 | linear from 9":   optim.Scheduled{Of: optim.Chain(optim.ClipNorm(1), adam), Schedule: optim.Linear{From: 9, To: 10_000}, Setting: "rate"},
		"adam rate 0.0002 beta1 0.5 | warmup steps 10 | lookahead": optim.Lookahead{Of: optim.Scheduled{Of: adam, Schedule: optim.Warmup{Steps: 10}, Setting: "rate"}, Steps: 5, Share: 0.5},
	} {
		got, err := optim.Named(text)
		if err != nil || got != want {
			t.Errorf("%q is %v (%v), want %v", text, got, err, want)
			continue
		}
		if again, is := optim.Text(want); !is || again != text {
			t.Errorf("the text of %v is %q, want %q", want, again, text)
		}
		faster, err := optim.With(want, "rate", "0.5")
		if err != nil || !strings.Contains(faster.String(), "rate 0.5") {
			t.Errorf("%q with another rate is %v (%v)", text, faster, err)
		}
	}
	if got, err := optim.Named("adam 3e-4"); err != nil || got != optim.Optimizer(optim.NewAdam(3e-4, 0.9, 0.999)) {
		t.Errorf("a number alone is no rate: %v, %v", got, err)
	}
	if text, is := optim.Text(optim.Chain(optim.ClipNorm(1), optim.Scheduled{Of: adam, Schedule: optim.Warmup{}})); is {
		t.Errorf("what is nested as no chain is has the text %q", text)
	}
	for text, want := range map[string]string{
		"adamm":               "did you mean adam?",
		"adam rat 1":          "did you mean rate?",
		"adam beta1 1":        "beta1 1: want a number from 0, below 1",
		"adam rate -1":        "rate -1: want a number from 0",
		"cosine":              "it stands behind an optimizer",
		"clip-norm | ":        "unknown optimizer",
		"adam rate 1 rate 2":  "rate is given twice",
		"adam rate":           "rate has no value",
		"adam | cosine of x":  `has no setting "x"`,
		"sgd nesterov":        "Nesterov needs a Momentum",
		"adam | warmup 0":     "steps 0: want a whole number from 1",
		"adam rate x":         "rate x: want a number",
		"optimistic | adam":   "it stands behind an optimizer",
		"adam | optimistic 1": `it has no parameters, and "1" is given`,
	} {
		if o, err := optim.Named(text); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q is %v, error %v, want %q", text, o, err, want)
		}
	}
}
