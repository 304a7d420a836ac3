package method

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// spending is the accountant's history: all updates in which a run's critic saw real images, in order. It is part of a
// run's state, as the weights are: checkpoints keep it, and a branch begins with its trunk's.
type spending []period

// period is a number of updates with one noise on one share of the images.
type period struct {
	share   float64 // probability with which an image was in an update's batch
	noise   float64 // multiplier; 0: updates without noise
	updates int
	cost    []float64 // Rényi divergence of one update, by orders()
}

func newPeriod(share, noise float64, updates int) period {
	p := period{share: share, noise: noise, updates: updates}
	highest := 0.0
	for _, order := range orders() {
		// It grows with the order, so where rounding spoils one, the one below it is the better bound.
		cost := rdpSampledGaussian(order, share, noise)
		if math.IsNaN(cost) {
			cost = math.Inf(1)
		}
		highest = max(highest, cost)
		p.cost = append(p.cost, highest)
	}
	return p
}

// add takes updates into the history.
func (s *spending) add(share, noise float64, updates int) {
	switch last := len(*s) - 1; {
	case updates == 0:
	case last >= 0 && (*s)[last].share == share && (*s)[last].noise == noise:
		(*s)[last].updates += updates
	default:
		*s = append(*s, newPeriod(share, noise, updates))
	}
}

// open tells how many updates had no noise.
func (s spending) open() (updates int) {
	for _, p := range s {
		if p.noise == 0 {
			updates += p.updates
		}
	}
	return updates
}

// epsilon composes the history. It is +Inf where an update had no noise.
func (s spending) epsilon(delta float64) float64 {
	if len(s) == 0 {
		return 0
	}
	best := math.Inf(1)
	for i, a := range orders() {
		epsilon := math.Log((a-1)/a) - (math.Log(delta)+math.Log(a))/(a-1)
		for _, p := range s {
			epsilon += float64(p.updates) * p.cost[i]
		}
		best = min(best, epsilon)
	}
	return max(best, 0)
}

// String is the history as checkpoints keep it: share, noise and updates of each period.
func (s spending) String() string {
	var periods []string
	number := func(x float64) string { return strconv.FormatFloat(x, 'g', -1, 64) }
	for _, p := range s {
		periods = append(periods, fmt.Sprintf("%s %s %d", number(p.share), number(p.noise), p.updates))
	}
	return strings.Join(periods, ", ")
}

// parseSpending inverts String.
func parseSpending(text string) (s spending, err error) {
	if text == "" {
		return nil, nil
	}
	for _, words := range strings.Split(text, ", ") {
		var share, noise float64
		var updates int
		numbers := strings.Fields(words)
		err := errors.New("other than three numbers")
		if len(numbers) == 3 {
			var errs [3]error
			share, errs[0] = strconv.ParseFloat(numbers[0], 64)
			noise, errs[1] = strconv.ParseFloat(numbers[1], 64)
			updates, errs[2] = strconv.Atoi(numbers[2])
			err = errors.Join(errs[:]...)
		}
		if err != nil || !(share > 0 && share <= 1 && noise >= 0 && noise < math.Inf(1)) || updates <= 0 {
			return nil, fmt.Errorf("the history of private updates has %q, which is no share, noise and number of updates", words)
		}
		s = append(s, newPeriod(share, noise, updates))
	}
	return s, nil
}

// Epsilon returns ε after a number of updates on batches that hold each image with the probability share =
// batch/images, each image by a coin of its own (Poisson sampling). It composes the Rényi divergences of the sampled
// Gaussian mechanism (Mironov, Talwar and Zhang, "Rényi differential privacy of the sampled Gaussian mechanism", 2019,
// arXiv:1908.10530, section 3.3), for integer orders
//
//	A_α = Σ_k C(α,k) (1-q)^(α-k) q^k exp((k²-k)/2σ²),  RDP(α) = log A_α / (α-1)
//
// and for others by the two series of that section; and converts by Canonne, Kamath and Steinke, 2020, arXiv:2004.00010,
// proposition 12:
//
//	ε = min_α updates·RDP(α) + log((α-1)/α) - (log δ + log α)/(α-1)
func (pv Private) Epsilon(share float64, updates int) float64 {
	var s spending
	s.add(share, pv.Noise, updates)
	return s.epsilon(pv.delta())
}

// orders are the orders α among which the accountant looks for the best: those of Opacus, and integers beyond.
func orders() []float64 {
	var all []float64
	for tenth := 11; tenth < 110; tenth++ {
		all = append(all, float64(tenth)/10)
	}
	for order := 11; order <= 256; order++ {
		all = append(all, float64(order))
	}
	return all
}

// rdpSampledGaussian is the Rényi divergence of order a > 1 of one update.
func rdpSampledGaussian(a, q, sigma float64) float64 {
	switch {
	case sigma == 0:
		return math.Inf(1)
	case q >= 1:
		return a / (2 * sigma * sigma)
	case a == math.Trunc(a):
		return logMoment(int(a), q, sigma) / (a - 1)
	}
	return logMomentBetween(a, q, sigma) / (a - 1)
}

// logMoment is log A_α of an integer order.
func logMoment(order int, q, sigma float64) float64 {
	a, sum := float64(order), math.Inf(-1)
	for k := range order + 1 {
		x := float64(k)
		sum = logAdd(sum, logBinomial(order, k)+(a-x)*math.Log1p(-q)+x*math.Log(q)+(x*x-x)/(2*sigma*sigma))
	}
	return sum
}

// logMomentBetween is log A_α of an order that is no integer: the integral is cut where the two densities are equal, and
// (1+x)^α is a binomial series on either side.
func logMomentBetween(a, q, sigma float64) float64 {
	const negligible = -30 // of a term's logarithm; the sum is at least 1
	cut := sigma*sigma*math.Log(1/q-1) + 0.5
	below, above := math.Inf(-1), math.Inf(-1)
	coefficient := 1.0 // C(α,i)
	for i := 0.0; ; i++ {
		j := a - i
		size := math.Log(math.Abs(coefficient)) - math.Ln2
		ofBelow := size + i*math.Log(q) + j*math.Log1p(-q) + (i*i-i)/(2*sigma*sigma) + logErfc((i-cut)/(math.Sqrt2*sigma))
		ofAbove := size + j*math.Log(q) + i*math.Log1p(-q) + (j*j-j)/(2*sigma*sigma) + logErfc((cut-j)/(math.Sqrt2*sigma))
		if coefficient > 0 {
			below, above = logAdd(below, ofBelow), logAdd(above, ofAbove)
		} else {
			below, above = logSubtract(below, ofBelow), logSubtract(above, ofAbove)
		}
		if !(max(ofBelow, ofAbove) >= negligible) {
			return logAdd(below, above)
		}
		coefficient *= (a - i) / (i + 1)
	}
}

// logAdd is log(eˣ + eʸ).
func logAdd(x, y float64) float64 {
	larger, smaller := max(x, y), min(x, y)
	if math.IsInf(smaller, -1) {
		return larger
	}
	return larger + math.Log1p(math.Exp(smaller-larger))
}

// logSubtract is log(eˣ - eʸ), and -Inf where that is not positive.
func logSubtract(x, y float64) float64 {
	switch {
	case math.IsInf(y, -1):
		return x
	case x <= y:
		return math.Inf(-1)
	}
	return x + math.Log(-math.Expm1(y-x))
}

// logErfc is log erfc(x), by its asymptotic series where erfc itself becomes too small a number.
func logErfc(x float64) float64 {
	if x < 20 {
		return math.Log(math.Erfc(x))
	}
	y := 1 / (2 * x * x)
	return -x*x - math.Log(x) - 0.5*math.Log(math.Pi) + math.Log1p(-y*(1-3*y*(1-5*y)))
}

func logBinomial(n, k int) float64 {
	factorial := func(m int) float64 { l, _ := math.Lgamma(float64(m + 1)); return l }
	return factorial(n) - factorial(k) - factorial(n-k)
}
