using CoScientist.Training.Tokenization;

namespace CoScientist.Tests.Training.Tokenization;

public sealed class BpeTrainerTests
{
    [Fact]
    public void Train_hand_worked_example_learns_the_pairs_in_order()
    {
        // Words: "low" 1, " low" 4, " lower" 2, " newest" 6, " widest" 3 (Sennrich's counts, on bytes with leading spaces).
        var corpus = new[] { "low low low low low lower lower newest newest newest newest newest newest widest widest widest" };

        var tokenizer = BpeTrainer.Train(corpus, 256 + 6, []);

        // e·s and s·t 9: the smaller ids first. Then es·t 9; l·o and o·w 7; lo·w 7; then six pairs with 6: ' '·n and ' '·low start with the smallest id, 32.
        Assert.Equal(["es", "est", "lo", "low", " n", " low"], Enumerable.Range(256, 6).Select(tokenizer.TokenText));
    }

    [Fact]
    public void Train_no_pair_left_stops_early_with_every_word_one_token()
    {
        var tokenizer = BpeTrainer.Train(["the aim is noisy . the aim is rare ."], 10_000, ["<end>"]);

        Assert.Equal(["the", " aim", " is", " rare", " ."], tokenizer.Encode("the aim is rare .").Select(tokenizer.TokenText));
        Assert.Equal(tokenizer.VocabularySize - 1, tokenizer.TokenId("<end>"));
        Assert.True(tokenizer.VocabularySize < 300);
    }

    [Fact]
    public void Train_order_of_texts_does_not_matter()
    {
        var texts = Enumerable.Range(0, 300).Select(i => $"item {i * 7919 % 1009} has to be sound , given {i % 13} effects .").ToArray();

        var first = Saved(BpeTrainer.Train(texts, 400, ["<end>"]));
        var second = Saved(BpeTrainer.Train(texts.Reverse(), 400, ["<end>"]));

        Assert.Equal(first, second);
    }

    [Fact]
    public void Train_ids_are_bytes_then_merges_then_special()
    {
        var tokenizer = BpeTrainer.Train(["aaab aaab"], 300, ["<a>", "<b>"]);

        Assert.All(Enumerable.Range(0, 256), value => Assert.Equal([(byte)value], tokenizer.TokenBytes(value).ToArray()));
        Assert.Equal("aa", tokenizer.TokenText(256));
        Assert.Equal([tokenizer.VocabularySize - 2, tokenizer.VocabularySize - 1], [tokenizer.TokenId("<a>"), tokenizer.TokenId("<b>")]);
    }

    [Fact]
    public void Train_special_text_in_the_corpus_is_not_learnt()
    {
        var tokenizer = BpeTrainer.Train(["<end><end><end><end>", "the <end> aim"], 400, ["<end>"]);

        Assert.DoesNotContain(Enumerable.Range(256, tokenizer.VocabularySize - 257).Select(tokenizer.TokenText), text => text.Contains("end", StringComparison.Ordinal));
    }

    [Fact]
    public void Train_pair_that_spells_a_special_token_is_left_apart()
    {
        var tokenizer = BpeTrainer.Train(["abx abx aby"], 400, ["ab"]);

        Assert.Equal(tokenizer.VocabularySize - 1, tokenizer.TokenId("ab"));
        Assert.Equal(["a", "b"], tokenizer.Encode("ab").Select(tokenizer.TokenText));
    }

    [Fact]
    public void Train_empty_corpus_has_the_bytes() =>
        Assert.Equal(257, BpeTrainer.Train([], 1000, ["<end>"]).VocabularySize);

    [Fact]
    public void Train_size_without_room_or_bad_special_tokens_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => BpeTrainer.Train(["a"], 256, ["<end>"]));
        Assert.Throws<ArgumentException>(() => BpeTrainer.Train(["a"], 300, ["<end>", "<end>"]));
        Assert.Throws<ArgumentException>(() => BpeTrainer.Train(["a"], 300, [""]));
    }

    [Fact]
    public void Train_on_several_threads_learns_the_same()
    {
        var texts = Enumerable.Range(0, 300).Select(i => $"item {i * 7919 % 1009} has to be sound , given {i % 13} effects .").ToArray();

        Assert.Equal(Saved(BpeTrainer.Train(texts, 400, [])), Saved(BpeTrainer.Train(texts, 400, [], threads: 4)));
    }

    [Fact]
    public void Train_rare_pairs_are_left_apart()
    {
        var tokenizer = BpeTrainer.Train(["ab ab ab cd cd"], 400, [], minimumFrequency: 3);

        Assert.Equal(["ab", " ", "c", "d"], tokenizer.Encode("ab cd").Select(tokenizer.TokenText));
    }

    [Fact]
    public void Train_against_a_plain_twin_learns_the_same_merges()
    {
        var random = new CoScientist.Core.SeededRandom(5);
        var text = string.Concat(Enumerable.Range(0, 3000).Select(_ => "aabbcd  "[random.Next(8)]));

        var tokenizer = BpeTrainer.Train([text], 256 + 60, []);

        Assert.Equal(PlainMerges(text, 60), Enumerable.Range(256, 60).Select(tokenizer.TokenText));
    }

    /// <summary>The definition, recounted from scratch before every merge.</summary>
    private static List<string> PlainMerges(string text, int count)
    {
        var words = new List<List<string>>();
        words.AddRange(PreTokenizerTests.Words(new PreTokenizer([], addPrefixSpace: false, WordScanner.For(WordScanner.QwenPattern)), text).Select(word => word.Select(letter => letter.ToString()).ToList()));
        var ids = Enumerable.Range(0, 256).ToDictionary(value => ((char)value).ToString(), value => value, StringComparer.Ordinal);
        var learnt = new List<string>();
        while (learnt.Count < count)
        {
            var best = words.SelectMany(word => word.Zip(word.Skip(1)))
                .CountBy(pair => pair)
                .OrderByDescending(pair => pair.Value).ThenBy(pair => ids[pair.Key.First]).ThenBy(pair => ids[pair.Key.Second])
                .First().Key;
            var joined = best.First + best.Second;
            if (ids.TryAdd(joined, ids.Count))
            {
                learnt.Add(joined);
            }

            foreach (var word in words)
            {
                for (var i = 0; i + 1 < word.Count; i++)
                {
                    if (word[i] == best.First && word[i + 1] == best.Second)
                    {
                        word[i] = joined;
                        word.RemoveAt(i + 1);
                    }
                }
            }
        }

        return learnt;
    }

    private static byte[] Saved(BpeTokenizer tokenizer)
    {
        using var stream = new MemoryStream();
        tokenizer.Save(stream);
        return stream.ToArray();
    }
}
