package data

import (
	"bytes"
	"testing"
)

func TestStackedMNIST(t *testing.T) {
	mnist, err := MNIST().Load()
	if err != nil {
		t.Fatal(err)
	}
	digits := map[string]int32{}
	for i, label := range mnist.Labels {
		digits[string(mnist.Pixels[i*28*28:][:28*28])] = label
	}
	stacked, err := StackedMNIST(2000).Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := stacked.Check(); err != nil {
		t.Fatal(err)
	}
	if stacked.N != 2000 || stacked.Channels != 3 || stacked.Classes() != 1000 || stacked.Names[42] != "042" {
		t.Errorf("%d samples of %d channels in %d classes, 42 is called %q", stacked.N, stacked.Channels, stacked.Classes(),
			stacked.Names[42])
	}
	modes := map[int32]bool{}
	for i, label := range stacked.Labels {
		modes[label] = true
		number := int32(0)
		for channel := range 3 {
			plane := make([]byte, 28*28)
			for p := range plane {
				plane[p] = stacked.Pixels[(i*28*28+p)*3+channel]
			}
			digit, ok := digits[string(plane)]
			if !ok {
				t.Fatalf("channel %d of sample %d is no digit of MNIST", channel, i)
			}
			number = 10*number + digit
		}
		if number != label {
			t.Fatalf("sample %d spells %d, its label is %d", i, number, label)
		}
	}
	// 2000 draws out of 1000 equally likely modes leave 1000/e² of them out.
	if len(modes) < 830 || len(modes) > 900 {
		t.Errorf("%d modes, want about 865", len(modes))
	}
	few, err := StackedMNIST(10).Load()
	if err != nil || !bytes.Equal(few.Pixels, stacked.Pixels[:len(few.Pixels)]) {
		t.Errorf("the first ten samples depend on how many there are (error %v)", err)
	}
	_, err = StackedMNIST(-1).Load()
	requireLine(t, err, "stacked-mnist,n=-1", "at least one sample")
}
