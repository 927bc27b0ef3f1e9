using System.Text;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using CoScientist.Tests.Core.Papers;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class PaperImportTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static byte[] Jats(string doi, string body = PaperFixtures.Body) => PaperFixtures.Bytes(PaperFixtures.Jats(body: body).Replace("10.1234/ORCHARD.7", doi, StringComparison.Ordinal).Replace(">123<", "><", StringComparison.Ordinal));

    private static PaperFile File(string name, byte[] content) => new(name, () => new MemoryStream(content));

    private static List<PaperFile> Folder() =>
    [
        .. Enumerable.Range(0, 90).Select(i => File($"a{i}.nxml", Jats($"10.5555/{i}"))),
        File("again.nxml", Jats("10.5555/7")),
        File("bad.nxml", PaperFixtures.Bytes("<article>")),
        File("notes.docx", PaperFixtures.Bytes("PK")),
        File("a8-v2.nxml", Jats("10.5555/8", "<sec><title>Methods</title><p>Told anew.</p></sec>")),
    ];

    private static async Task<List<PaperImport>> ImportAsync(TestDatabase database, IEnumerable<PaperFile> files)
    {
        var imports = new List<PaperImport>();
        await foreach (var import in database.Store<PaperImportStore>().ImportAsync(files, null, Token))
        {
            imports.Add(import);
        }

        return imports;
    }

    // Everything but keys and times, which differ from run to run.
    private static async Task<List<string>> LibraryAsync(TestDatabase database)
    {
        await using var db = database.NewContext();
        var papers = await db.Papers.Include(paper => paper.Sections.OrderBy(section => section.Order)).Where(paper => !paper.IsSandbox).ToListAsync(Token);
        return [.. papers.Select(paper => $"{paper.ContentHash} {paper.SourceName} {paper.Doi} {paper.Version} {paper.FirstVersionHash} {papers.Find(other => other.Id == paper.NewestVersion)?.ContentHash} {string.Join('|', paper.Sections.Select(section => section.Text))}").Order(StringComparer.Ordinal)];
    }

    [Fact]
    public async Task ImportAsync_many_files_answers_in_their_order()
    {
        await using var database = await TestDatabase.CreateAsync();

        var imports = await ImportAsync(database, Folder());

        Assert.Equal(Folder().Select(file => file.Name), imports.Select(import => import.FileName));
        Assert.All(imports.Take(90), import => Assert.Equal(PaperImportOutcome.Imported, import.Outcome));
        Assert.Equal([PaperImportOutcome.AlreadyThere, PaperImportOutcome.Failed, PaperImportOutcome.NotSupported, PaperImportOutcome.NewVersion], imports.Skip(90).Select(import => import.Outcome));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    [InlineData(93)]
    public async Task ImportAsync_cut_off_and_started_again_ends_with_the_same_library(int until)
    {
        await using var whole = await TestDatabase.CreateAsync();
        await using var broken = await TestDatabase.CreateAsync();
        await ImportAsync(whole, Folder());

        await Assert.ThrowsAsync<InvalidOperationException>(() => ImportAsync(broken, Folder().Select((file, i) => i < until ? file : throw new InvalidOperationException("cut off"))));
        Assert.True((await LibraryAsync(broken)).Count <= until);
        await ImportAsync(broken, Folder());

        Assert.Equal(await LibraryAsync(whole), await LibraryAsync(broken));
    }

    [Fact]
    public async Task ImportAsync_same_article_with_the_same_text_is_one_paper_whatever_its_bytes()
    {
        await using var database = await TestDatabase.CreateAsync();

        var imports = await ImportAsync(database, [File("a.nxml", Jats("10.5555/1")), File("b.nxml", PaperFixtures.Bytes(Encoding.UTF8.GetString(Jats("https://doi.org/10.5555/1")) + "\n<!-- fetched again -->"))]);

        Assert.Equal((PaperImportOutcome.AlreadyThere, imports[0].PaperId), (imports[1].Outcome, imports[1].PaperId));
    }

    [Theory]
    [InlineData("2101.00001v1.tex", "2101.00001v2.tex", true)]
    [InlineData("2101.00001v2.tex", "2101.00001v1.tex", false)]
    public async Task ImportAsync_versions_stay_and_the_newest_is_shown(string first, string second, bool secondIsNewest)
    {
        await using var database = await TestDatabase.CreateAsync();

        var imports = await ImportAsync(database, [File(first, PaperFixtures.Bytes(PaperFixtures.TexRoot)), File(second, PaperFixtures.Bytes(PaperFixtures.TexRoot.Replace("forty", "fifty", StringComparison.Ordinal)))]);

        Assert.Equal(PaperImportOutcome.NewVersion, imports[1].Outcome);
        await using var db = database.NewContext();
        var papers = await db.Papers.Where(paper => paper.ArxivId == "2101.00001").OrderBy(paper => paper.SourceName == second).ToListAsync(Token);
        Assert.Equal(secondIsNewest ? [imports[1].PaperId, null] : [null, imports[0].PaperId], papers.Select(paper => paper.NewestVersion));
        Assert.Equal([null, papers[0].ContentHash], papers.Select(paper => paper.FirstVersionHash));
        Assert.Equal([papers[secondIsNewest ? 1 : 0].Id], await database.Store<ExtractionStore>().AllPapersAsync(Token));
    }

    [Fact]
    public async Task ImportAsync_poorer_format_of_a_known_article_does_not_take_its_place()
    {
        await using var database = await TestDatabase.CreateAsync();

        var imports = await ImportAsync(database,
        [
            File("a.nxml", Jats("10.5555/1")),
            File("a.json", PaperFixtures.Bytes("""{"paper_id": "1", "metadata": {"title": "Bees", "doi": "10.5555/1"}, "abstract": "Bees.", "body_text": [{"text": "We saw bees.", "section": "Methods"}]}""")),
        ]);

        Assert.Equal(PaperImportOutcome.NewVersion, imports[1].Outcome);
        Assert.Equal([imports[0].PaperId!.Value], await database.Store<ExtractionStore>().AllPapersAsync(Token));
    }

    [Fact]
    public async Task ImportAsync_file_that_cannot_be_opened_or_never_ends_fails_alone()
    {
        await using var database = await TestDatabase.CreateAsync();

        var imports = await ImportAsync(database, [new PaperFile("gone.nxml", () => throw new FileNotFoundException("gone")), new PaperFile("endless.txt", () => new EndlessStream()), File("a.nxml", Jats("10.5555/1"))]);

        Assert.Equal([PaperImportOutcome.Failed, PaperImportOutcome.Failed, PaperImportOutcome.Imported], imports.Select(import => import.Outcome));
        Assert.Contains("larger than 64 MB", imports[1].Message, StringComparison.Ordinal);
    }

    /// <summary>One line without an end.</summary>
    private sealed class EndlessStream : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position
        {
            get => throw new NotSupportedException();
            set => throw new NotSupportedException();
        }

        public override int Read(byte[] buffer, int offset, int count)
        {
            buffer.AsSpan(offset, count).Fill((byte)'x');
            return count;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
