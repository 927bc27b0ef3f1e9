using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using CoScientist.Core;
using CoScientist.Core.Grading.PaperProtocol;
using CoScientist.Core.Interchange;
using CoScientist.Core.Papers;
using CoScientist.Core.Runs;
using CoScientist.Core.TextModels;
using CoScientist.Tests.Core.Grading;
using CoScientist.Tests.Core.Papers;
using CoScientist.Tests.Training.Checkpoints;
using CoScientist.Tests.Training.Model;
using CoScientist.Tests.Training.Tokenization;
using CoScientist.Training.Checkpoints;
using CoScientist.Training.Checkpoints.Gguf;
using CoScientist.Training.Tensors;
using CoScientist.Training.Tokenization;
using CoScientist.Web.Components.Controls;

namespace CoScientist.Tests.Core.Fuzzing;

/// <summary>
/// Every parser under damaged inputs that are made from good ones: each is read, or refused by the parser's own kind of fault with a
/// message that names where it lies; in bounded time and memory. A few here; <c>COSCIENTIST_FUZZ_INPUTS=10000</c> or
/// <c>COSCIENTIST_FUZZ_SECONDS=1800</c> say how many or how long for each parser, <c>COSCIENTIST_FUZZ_SEED</c> which.
/// </summary>
public sealed class GeneratedInputTests : IDisposable
{
    private const int Few = 60;
    private const long MostBytes = 512L << 20;
    private static readonly TimeSpan s_longest = TimeSpan.FromSeconds(20);

    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Parsers => [.. new[] { "a.nxml", "a.tei.xml", "a.md", "a.txt", "a.tex", "a.tar.gz", "s2orc.json", "peerread.json", "d.jsonl", "d.csv", "rubric", "specification", "grading", "comparison", "plan", "links", "safetensors", "gguf", "tokenizer", "manifest" }];

    private static int Seed => Number("COSCIENTIST_FUZZ_SEED") ?? 1;

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Parsers))]
    public void Parse_DamagedInputs_AreReadOrRefusedByName(string parser)
    {
        var (seeds, parse) = Of(parser);
        var generator = new InputGenerator(seeds, Seed);
        var (inputs, seconds) = (Number("COSCIENTIST_FUZZ_INPUTS") ?? Few, Number("COSCIENTIST_FUZZ_SECONDS"));
        var start = Stopwatch.GetTimestamp();
        var (read, refused) = (0, 0);
        for (var i = 0; seconds is { } limit ? Stopwatch.GetElapsedTime(start).TotalSeconds < limit : i < inputs; i++)
        {
            var input = generator.Next();
            var (begun, before) = (Stopwatch.GetTimestamp(), GC.GetAllocatedBytesForCurrentThread());
            try
            {
                parse(input);
                read++;
            }
            catch (Exception fault)
            {
                var known = fault switch
                {
                    PaperFormatException or DatasetFormatException => fault.Message.StartsWith(parser, StringComparison.Ordinal),
                    RunSpecException => fault.Message.StartsWith("spec.json", StringComparison.Ordinal),
                    InvalidDataException => fault.Message.Contains(folder.Path, StringComparison.Ordinal),
                    _ => false,
                };
                Assert.True(known, $"{parser}, input {i} of seed {Seed}: {fault}\n{Shown(input)}");
                refused++;
            }

            Assert.True(Stopwatch.GetElapsedTime(begun) < s_longest, $"{parser}, input {i} of seed {Seed} took {Stopwatch.GetElapsedTime(begun)}.\n{Shown(input)}");
            Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < MostBytes, $"{parser}, input {i} of seed {Seed} took {(GC.GetAllocatedBytesForCurrentThread() - before) >> 20} MiB.\n{Shown(input)}");
        }

        TestContext.Current.TestOutputHelper?.WriteLine(FormattableString.Invariant($"{parser}: {read:N0} read, {refused:N0} refused in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s"));
    }

    private (byte[][] Seeds, Action<byte[]> Parse) Of(string parser) => parser switch
    {
        "a.nxml" => (Texts(PaperFixtures.Jats()), bytes => PaperFixtures.Read(parser, bytes)),
        "a.tei.xml" => (Texts("""<TEI xmlns="http://www.tei-c.org/ns/1.0"><teiHeader><fileDesc><titleStmt><title>T</title></titleStmt><sourceDesc><biblStruct><analytic><author><persName><forename>A</forename><surname>B</surname></persName></author></analytic></biblStruct></sourceDesc></fileDesc><profileDesc><abstract><p>We look.</p></abstract></profileDesc></teiHeader><text><body><div><head n="1">Methods</head><p>We did it <ref type="bibr" target="#b0">[1]</ref>.</p></div></body><back><listBibl><biblStruct xml:id="b0"><analytic><title>R</title></analytic></biblStruct></listBibl></back></text></TEI>"""), bytes => PaperFixtures.Read(parser, bytes)),
        "a.md" => (Texts(PaperFixtures.Markdown), bytes => PaperFixtures.Read(parser, bytes)),
        "a.txt" => (Texts(PaperFixtures.Text), bytes => PaperFixtures.Read(parser, bytes)),
        "a.tex" => (Texts(PaperFixtures.TexRoot), bytes => PaperFixtures.Read(parser, bytes)),
        "a.tar.gz" => ([PaperFixtures.Arxiv()], bytes => PaperFixtures.Read(parser, bytes)),
        "s2orc.json" => (Texts("""{"paper_id":"x1","title":"T","abstract":[{"text":"We look.","section":"Abstract","cite_spans":[]}],"body_text":[{"text":"We did it [1].","section":"Methods","cite_spans":[{"start":10,"end":13,"ref_id":"BIBREF0"}]}],"bib_entries":{"BIBREF0":{"title":"R"}}}""", """{"paper_id":"2","title":"T","pdf_parse":{"abstract":[{"text":"A","section":"Abstract"}],"body_text":[{"text":"B","section":"Methods"}],"bib_entries":{}}}"""), bytes => ReadFound(parser, bytes)),
        "peerread.json" => (Texts("""{"name":"1.pdf","metadata":{"title":"T","authors":["A B"],"abstractText":"We look.","sections":[{"heading":"1 Methods","text":"We did it."}],"references":[{"title":"R","author":["C"],"year":2001}],"year":2002}}"""), bytes => ReadFound(parser, bytes)),
        "d.jsonl" => (Texts("""
            {"Goal":"We ask é","Rubric":["one","b's"],"Reference solution":"Do it.\nThen that.","article_id":"2401.00001","q_id":"0","Category":"cs.LG"}
            {"Goal":"second","Rubric":"['one', \"it's two\"]","article_id":17,"q_id":1,"rubric_weights":[1,2.5],"extra":{"b":[1,null]}}
            """), bytes => ReadRows(parser, bytes)),
        "d.csv" => (Texts("Goal,Rubric,article_id,q_id,split\n\"We, ask\",\"['one', 'two']\",a,0,train\n\"two \"\"x\"\"\",\"[\"\"one\"\"]\",b,1,test\n"), bytes => ReadRows(parser, bytes)),
        "rubric" => (Texts("""['one', "it's two", 'a\'b', None]""", """["a","b\u00e9"]"""), bytes => RubricList.Parse(Text(bytes))),
        "specification" => (Texts(JsonSerializer.Serialize(RunPresets.Find("sandbox-grpo")!.Spec, RunSpec.JsonOptions)), bytes => RunSpecFile.Parse("spec.json", Text(bytes))),
        "grading" => (Texts(PaperAnswers.Of("none", "1, 3")), bytes => PaperGradingParser.Parse(new TextCompletion(Text(bytes), FinishReason.Stop, 1, 1), 2)),
        "comparison" => (Texts("<reasoning>A is better.</reasoning>\n<score_a>7</score_a>\n<score_b>5</score_b>\n<winner>A</winner>"), bytes => PaperComparisonParser.Parse(new TextCompletion(Text(bytes), FinishReason.Stop, 1, 1))),
        "plan" => (Texts("<think>a</think>\n<solution>We do it. Then that.</solution>"), bytes => PlanReader.Read(Text(bytes))),
        "links" => (Texts("see [the page](https://example.org/a?b=c#d \"t\"), <https://example.org>, ![p](data:image/png;base64,AA==), [x](javascript:alert(1)), https://doi.org/10.1234/AB.c, arXiv:2401.00001v2, [r]: http://h/ 'x'"), ReadLinks),
        "safetensors" => ([Tensors()], bytes => OnDisk("model.safetensors", bytes, path =>
        {
            using var file = SafetensorsFile.Open(path);
        })),
        "gguf" => ([Gguf()], bytes => OnDisk("model.gguf", bytes, path =>
        {
            using var file = GgufFile.Open(path);
            _ = GgufModel.Config(file);
            _ = GgufTokenizer.Read(file);
        })),
        "tokenizer" => (Texts(TokenizerFixture.With(["th", "the"], ["\"t h\"", "\"th e\""])), bytes => OnDisk("tokenizer.json", bytes, path => BpeTokenizer.Load(path).Encode("the the 12", allowSpecial: true))),
        "manifest" => (Texts("""{"version":1,"origin":{"run":"r"},"files":{"config.json":{"bytes":5,"sha256":"00"}}}"""), bytes => OnDisk(CheckpointManifest.FileName, bytes, _ => CheckpointManifest.Read(folder.Path))),
        _ => throw new ArgumentOutOfRangeException(nameof(parser), parser, "There is no such parser."),
    };

    private static byte[][] Texts(params string[] texts) => [.. texts.Select(Encoding.UTF8.GetBytes)];

    private static string Text(byte[] bytes) => Encoding.UTF8.GetString(bytes);

    private static string Shown(byte[] bytes) => Convert.ToBase64String(bytes.AsSpan(0, Math.Min(bytes.Length, 3000)));

    private static int? Number(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>A reader is found by the content: one that nobody takes any more is refused before it is read.</summary>
    private static void ReadFound(string name, byte[] bytes) => new PaperReaders(TimeProvider.System).Find(name, bytes)?.Read(name, bytes, CancellationToken.None);

    private static void ReadRows(string name, byte[] bytes)
    {
        using var content = new MemoryStream(bytes);
        var (_, faults) = DatasetReader.Read(name, content, CancellationToken.None);
        Assert.All(faults, fault => Assert.True(fault.Line > 0 && fault.Message.Length > 0, $"a fault without a place: {fault}"));
    }

    private static void ReadLinks(byte[] bytes)
    {
        var text = Text(bytes);
        var html = SafeHtml.Render(text);
        Assert.DoesNotContain("href=\"javascript", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<script", html, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("<img", html, StringComparison.OrdinalIgnoreCase);
        _ = PaperIdentifiers.Doi(text);
        _ = PaperIdentifiers.Pmid(text);
        _ = PaperIdentifiers.Arxiv(text);
    }

    private void OnDisk(string name, byte[] bytes, Action<string> read)
    {
        var path = folder.File(name);
        File.WriteAllBytes(path, bytes);
        read(path);
    }

    private byte[] Tensors()
    {
        var path = folder.File("good.safetensors");
        SafetensorsFile.Write(path, [new("model.norm.weight", [4], new float[4]), new("x", [2, 3], new float[6])]);
        return File.ReadAllBytes(path);
    }

    private byte[] Gguf()
    {
        var source = folder.File("good");
        var config = ModelConfigTests.Tiny with { VocabularySize = 300, Layers = 1 };
        CheckpointFolder.Write(source, config, [.. config.Tensors().Select(spec => new NamedTensor(spec.Name, spec.Shape, new float[spec.Count]))], BpeTrainer.Train(["the aim is the aim"], 300, ["<end>"]), new Dictionary<string, string>(StringComparer.Ordinal));
        ModelConversion.Convert(source, folder.File("good.gguf"), TensorType.F16, adapter: null, progress: null, CancellationToken.None);
        return File.ReadAllBytes(folder.File("good.gguf"));
    }
}

/// <summary>Damages good inputs: flipped bits, odd bytes, pieces cut out, doubled, swapped or taken from another, cut ends, lengths out of bounds, depth.</summary>
/// <param name="seeds">The good ones.</param>
/// <param name="seed">The same gives the same inputs.</param>
internal sealed class InputGenerator(byte[][] seeds, int seed)
{
    private const int MostBytes = 1 << 20;
    private static readonly byte[][] s_odd = [.. new[] { "\0", "\u0001", "\uFEFF", "\"", "'", "\\", "{", "}", "[", "]", "<", ">", "&", "&#x0;", "]]>", "<!--", "\r", "\n", ",", "-1", "1e999", "99999999999999999999", "NaN", "null", "true", "\\ud800", "\\u0000", "=1+1", "\u202E", "😀", "<![CDATA[", "<!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]>", "../../" }.Select(Encoding.UTF8.GetBytes), [0xFF], [0xC3, 0x28], [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F], [0, 0, 0, 0x80], new byte[8]];
    private static readonly string[] s_deep = ["[", "{\"a\":", "<a>", "(", "> ", "*", "{\\a ", "- "];

    private readonly Random random = new(seed);

    /// <summary>The next input.</summary>
    public byte[] Next()
    {
        var bytes = seeds[random.Next(seeds.Length)].ToList();
        for (var changes = random.Next(1, 6); changes > 0 && bytes.Count is > 0 and < MostBytes; changes--)
        {
            Change(bytes);
        }

        return [.. bytes];
    }

    private void Change(List<byte> bytes)
    {
        var at = random.Next(bytes.Count);
        var length = Math.Min(random.Next(1, random.Next(2) == 0 ? 9 : 400), bytes.Count - at);
        switch (random.Next(9))
        {
            case 0:
                bytes.RemoveRange(at, length);
                break;
            case 1:
                bytes.InsertRange(at, bytes.GetRange(at, length));
                break;
            case 2:
                bytes.RemoveRange(at, bytes.Count - at);
                break;
            case 3:
                var other = seeds[random.Next(seeds.Length)];
                var from = random.Next(other.Length);
                bytes.InsertRange(at, other.AsSpan(from, Math.Min(length, other.Length - from)).ToArray());
                break;
            case 4:
                var odd = s_odd[random.Next(s_odd.Length)];
                bytes.InsertRange(at, odd);
                break;
            case 5:
                odd = s_odd[random.Next(s_odd.Length)];
                bytes.RemoveRange(at, Math.Min(odd.Length, bytes.Count - at));
                bytes.InsertRange(at, odd);
                break;
            case 6 when random.Next(20) == 0:
                bytes.InsertRange(at, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(s_deep[random.Next(s_deep.Length)], random.Next(1, 20_000)))));
                break;
            default:
                bytes[at] ^= (byte)(1 << random.Next(8));
                break;
        }
    }
}
