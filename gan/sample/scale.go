package sample

// Scale is how a channel was brought to [-1, 1]: Low became -1 and High 1.
type Scale struct {
	Name      string // of the channel, such as a column of a file
	Low, High float64
}

// Apply brings a number of the channel to [-1, 1]; it is 0 where all of them are the same.
func (s Scale) Apply(value float64) float32 {
	if s.Low == s.High {
		return 0
	}
	return float32((value-s.Low)/(s.High-s.Low)*2 - 1)
}

// undo is the way back from [-1, 1].
func (s Scale) undo(value float32) float32 {
	return float32(s.Low/2*(1-float64(value)) + s.High/2*(1+float64(value)))
}
