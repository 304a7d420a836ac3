package lint_test

import (
	"gantry.local/gan"
	"gantry.local/gan/gantest/tiny"
	"gantry.local/gan/loss"
	"gantry.local/gan/method"
	"gantry.local/gan/optim"
)

// everything uses as many options at once as go together.
func everything() gan.Experiment {
	exp := tiny.Experiment(method.Alternating{PenaltyEvery: 3, CriticSteps: 2, LabelNoise: 0.1})
	exp.Loss = loss.Paired
	exp.Penalties = []loss.Penalty{loss.R1(0.1), loss.R2(0.1), loss.WGANGP(0.5)}
	exp.View = gan.View{Pack: 2, Augment: tiny.Dimming{}}
	exp.Optimizers = gan.Optimizers{EMA: 0.99, Critic: optim.Chain(optim.ClipNorm(1), optim.NewAdam(2e-3, 0.9, 0.999))}
	return exp
}
