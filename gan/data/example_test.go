package data_test

import (
	"fmt"
	"os"
	"path/filepath"

	"gantry.local/gan/data"
)

func Example() {
	set, err := data.Named("mnist")
	if err != nil {
		fmt.Println(err)
		return
	}
	images, err := set.Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%s: %d images of %d×%d×%d, the first is a %s\n", set.Name, images.N, images.Height, images.Width,
		images.Channels, images.Names[images.Labels[0]])
	// Output: mnist: 60000 images of 28×28×1, the first is a 5
}

func ExampleNamed() {
	for _, name := range []string{"ring,n=500,seed=3", "folder:faces,size=32,gray=true", "cifar"} {
		set, err := data.Named(name)
		fmt.Println(set.Name, err)
	}
	// Output:
	// ring,n=500,seed=3 <nil>
	// folder:faces,size=32,gray=true <nil>
	//  unknown data set "cifar": use one of mnist, mnist-test, fashion-mnist, fashion-mnist-test, stacked-mnist, ring, grid, swiss-roll, moons, faces, sines, phrases, folder:PATH, shards:PATH, csv:PATH, text:PATH
}

// It prints "60000 ankle boot" where the set is installed, and how to install it where it is not.
func ExampleFashionMNIST() {
	images, err := data.FashionMNIST().Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(images.N, images.Names[images.Labels[0]])
}

func ExampleStackedMNIST() {
	images, err := data.StackedMNIST(100).Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d samples of %d channels out of %d classes\n", images.N, images.Channels, images.Classes())
	// Output: 100 samples of 3 channels out of 1000 classes
}

// A sample that lies within three standard deviations of its centre counts as of high quality.
func ExampleMixture() {
	ring := data.Ring8()
	points, err := ring.Set(1000, 1).Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	good, modes := 0, map[int]bool{}
	for i := range points.N {
		mode, distance := ring.Nearest(float64(points.Values[2*i]), float64(points.Values[2*i+1]))
		if distance <= 3*ring.Std {
			good++
			modes[mode] = true
		}
	}
	fmt.Printf("%d of %d modes, %d %% good\n", len(modes), len(ring.Centres), 100*good/points.N)
	// Output: 8 of 8 modes, 99 % good
}

func ExampleFaces() {
	faces, err := data.Faces(data.FacesOptions{N: 100, Size: 24}).Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Printf("%d faces of %d×%d×%d: %q\n", faces.N, faces.Height, faces.Width, faces.Channels, faces.Names)
	// Output: 100 faces of 24×24×3: ["neutral" "smiling" "neutral, glasses" "smiling, glasses"]
}

func ExampleFolder() {
	_, err := data.Folder("holiday", data.FolderOptions{Size: 32, Gray: true}).Load()
	fmt.Println(err)
	// Output: folder holiday: stat holiday: no such file or directory
}

func ExampleCSV() {
	dir, err := os.MkdirTemp("", "")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "weather.csv")
	if err := os.WriteFile(path, []byte("day,degrees\nmon,10\ntue,20\nwed,15\n"), 0o600); err != nil {
		fmt.Println(err)
		return
	}
	series, err := data.CSV(path, data.CSVOptions{Window: 2}).Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	sample := series.Floats(1, 1)
	fmt.Println(sample)
	series.Unscale(sample)
	fmt.Println(sample)
	// Output:
	// [1 0]
	// [20 15]
}

// What a generator draws becomes text again with Decode; how well it spells is the share of words that exist.
func ExamplePhrases() {
	phrases, err := data.Phrases().Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	drawn, err := data.Decode(phrases.Floats(0, 2), phrases.Alphabet, phrases.Height)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(drawn)
	vocabulary := data.Vocabulary(phrases.Texts())
	fmt.Println(data.KnownWords([]string{"the cat sat", "a dgo ran"}, vocabulary) == 5./6)
	// Output:
	// [the cat sat the cat ran]
	// true
}

func ExampleSplit() {
	train, test := data.Split(data.Moons(1000, 0), 0.1, 7)
	for _, set := range []data.Set{train, test} {
		points, err := set.Load()
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(set.Name, points.N)
	}
	// Output:
	// moons,n=1000 split 0.1 seed 7 train 900
	// moons,n=1000 split 0.1 seed 7 test 100
}

func ExampleOfClasses() {
	digits, err := data.OfClasses(data.MNISTTest(), 3, 7).Load()
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(digits.N, digits.Names)
	// Output: 2038 [3 7]
}
