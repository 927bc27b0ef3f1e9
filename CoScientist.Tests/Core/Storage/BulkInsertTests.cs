using CoScientist.Core.Goals;
using CoScientist.Core.Papers;
using CoScientist.Core.Storage;
using Microsoft.EntityFrameworkCore;

namespace CoScientist.Tests.Core.Storage;

[Trait("Database", "any")]
public sealed class BulkInsertTests
{
    [Fact]
    public async Task InsertRowsAsync_RowsWithConversions_ReadBackUnchanged()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var database = await TestDatabase.CreateAsync();
        var paper = new Paper
        {
            Id = database.NewId<PaperId>(),
            Title = "'Quoted' ünïcode",
            Authors = ["A", "B"],
            Year = 2026,
            Format = "text",
            SourceName = "a.txt",
            ContentHash = "00",
            ImportedAt = database.Time.GetUtcNow(),
        };
        PaperSection[] sections = [.. Enumerable.Range(0, 3).Select(order => new PaperSection { PaperId = paper.Id, Order = order, Heading = "", Role = SectionRole.Method, Text = "text" })];
        await using (var db = database.NewContext())
        {
            await using var transaction = await db.Database.BeginTransactionAsync(cancellation);
            await db.InsertRowsAsync([paper], cancellation);
            await db.InsertRowsAsync(sections, cancellation);
            await transaction.CommitAsync(cancellation);
        }

        await using var after = database.NewContext();
        var read = await after.Papers.Include(p => p.Sections).SingleAsync(cancellation);
        Assert.Equal((paper.Id, paper.Title, paper.Year, paper.Doi, paper.ImportedAt), (read.Id, read.Title, read.Year, read.Doi, read.ImportedAt));
        Assert.Equal(paper.Authors, read.Authors);
        Assert.Equal([SectionRole.Method, SectionRole.Method, SectionRole.Method], read.Sections.Select(section => section.Role));
        Assert.Equal(3, read.Sections.Select(section => section.Id).Distinct().Count());
    }

    [Fact]
    public async Task InsertRowsAsync_WithoutTransaction_IsRefused()
    {
        await using var database = await TestDatabase.CreateAsync();
        await using var db = database.NewContext();
        await Assert.ThrowsAsync<InvalidOperationException>(() => db.InsertRowsAsync(Array.Empty<Goal>(), TestContext.Current.CancellationToken));
    }
}
