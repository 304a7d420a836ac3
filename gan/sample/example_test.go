package sample_test

import (
	"fmt"

	"gantry.local/gan/sample"
)

// Pixels of a set and values that a generator draws are of one type, so that they can be compared.
func Example() {
	set := sample.Images{N: 3, Height: 1, Width: 2, Channels: 1, Pixels: []byte{0, 255, 255, 255, 51, 204},
		Labels: []int32{0, 1, 0}, Names: []string{"edge", "sky"}}
	drawn := sample.Images{N: 1, Height: 1, Width: 2, Channels: 1, Values: []float32{-1, 0.5}}
	for _, images := range []sample.Images{set.Part(0, 1), set.Rows([]int{2}), drawn} {
		fmt.Println(images.Seen().Values, images.Check(), images.Labels)
	}
	fmt.Println(set.Classes(), set.ClassName(1))
	// Output:
	// [-1 1] <nil> [0]
	// [-0.6 0.6] <nil> [0]
	// [-1 0.5] <nil> []
	// 2 sky
}

// Values of a set that was scaled go back into its units.
func ExampleImages_Unscale() {
	price := sample.Scale{Name: "price", Low: 10, High: 30}
	set := sample.Images{N: 1, Height: 2, Width: 1, Channels: 1, Values: []float32{price.Apply(10), price.Apply(25)}, Scales: []sample.Scale{price}}
	drawn := []float32{0, 1}
	set.Unscale(drawn)
	fmt.Println(set.Values, drawn)
	// Output: [-1 0.5] [20 30]
}

// Characters are seen one-hot, and read as text.
func ExampleImages_Texts() {
	words := sample.Images{N: 2, Height: 3, Width: 1, Channels: 1, Alphabet: []rune(" abc"), Pixels: []byte{3, 1, 2, 1, 2, 0}}
	fmt.Printf("%q %d\n", words.Texts(), words.Seen().Channels)
	// Output: ["cab" "ab"] 4
}
