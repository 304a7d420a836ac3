package examples_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"gantry.local/gan"
	"gantry.local/gan/data"
	"gantry.local/gan/net"
	"gantry.local/gan/sample"
)

// spirals is a data set of one's own: points on two arms, of a class each. Load is called when the set is first used; the same seed
// gives the same points.
func spirals(n int, seed int64) data.Set {
	return data.Set{Name: fmt.Sprintf("spirals of %d, seed %d", n, seed), Load: func() (*sample.Images, error) {
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		points := &sample.Images{N: n, Height: 1, Width: 1, Channels: 2, Names: []string{"inward", "outward"}}
		for i := range n {
			turn := math.Sqrt(random.Float64()) * 3 * math.Pi
			radius := turn / 10 * float64(1-2*(i%2)) // the second arm is the first one mirrored
			x, y := radius*math.Cos(turn), radius*math.Sin(turn)
			points.Values = append(points.Values, float32(x+0.01*random.NormFloat64()), float32(y+0.01*random.NormFloat64()))
			points.Labels = append(points.Labels, int32(i%2))
		}
		return points, points.Check()
	}}
}

// A set is a name and a function; everything that takes one of the library's takes it.
func Example_dataSet() {
	networks := net.Toy{}
	exp := gan.Experiment{Name: "spirals", Data: spirals(2000, 1), Latent: 2, Generator: networks.Generator, Critic: networks.Critic}
	trainer, _ := trained(exp.WithDefaults(), 20)
	points, err := trainer.Sample(100, 1)
	fmt.Println(len(exp.Check()), trainer.StepsPerEpoch(), points.N, points.Channels, err)
	set, err := spirals(2000, 1).Load()
	fmt.Println(set.Classes(), err)
	// Output:
	// 0 31 100 2 <nil>
	// 2 <nil>
}
