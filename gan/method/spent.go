package method

import (
	"encoding/json"
	"fmt"
	"math"
)

// PrivacySpent is what a private run has spent so far.
type PrivacySpent struct {
	Epsilon float64 // +Inf: not private
	Delta   float64
	Open    int // updates of the critic, or of what the run is a branch of, without noise
}

// String is "ε = 1.79 at δ = 1e-05", or says why the run is not private.
func (s PrivacySpent) String() string {
	if s.Open > 0 {
		return fmt.Sprintf("not private: the weights come from %d updates without noise", s.Open)
	}
	return fmt.Sprintf("ε = %.3g at δ = %.3g", s.Epsilon, s.Delta)
}

// spentJSON is PrivacySpent as JSON, which has no infinity.
type spentJSON struct {
	Epsilon *float64 `json:"epsilon"` // null: not private
	Delta   float64  `json:"delta"`
	Open    int      `json:"updates_without_noise,omitempty"`
}

// MarshalJSON writes an infinite ε as null.
func (s PrivacySpent) MarshalJSON() ([]byte, error) {
	text := spentJSON{&s.Epsilon, s.Delta, s.Open}
	if math.IsInf(s.Epsilon, 0) {
		text.Epsilon = nil
	}
	return json.Marshal(text)
}

// UnmarshalJSON inverts MarshalJSON.
func (s *PrivacySpent) UnmarshalJSON(text []byte) error {
	var read spentJSON
	if err := json.Unmarshal(text, &read); err != nil {
		return err
	}
	*s = PrivacySpent{math.Inf(1), read.Delta, read.Open}
	if read.Epsilon != nil {
		s.Epsilon = *read.Epsilon
	}
	return nil
}
