using CoScientist.Core.Storage;
using CoScientist.Core.Storage.Postgres;
using Microsoft.EntityFrameworkCore;
using Npgsql;

namespace CoScientist.Tests.Core.Storage;

public sealed class PostgresTextTests
{
    [Fact]
    public void Clean_WhatIsNoText_IsReplaced()
    {
        Assert.Equal("as it is ü 🐝", PostgresText.Clean("as it is ü 🐝"));
        Assert.Equal("a\uFFFDb", PostgresText.Clean("a\0b"));
        Assert.Equal("a\uFFFDb", PostgresText.Clean("a" + (char)0xD83D + "b"));
        Assert.Equal("\uFFFD🐝", PostgresText.Clean((char)0xDC1D + "🐝"));
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("  - \"\" ", null)]
    [InlineData("Bees", "('Bees':*)")]
    [InlineData("“seed set” Bée", "('seed' <-> 'set') & ('Bée':*)")]
    [InlineData("\u0301 \u0928\u0941\u0928", "('\u0928' <-> '\u0928':*)")]
    [InlineData("a\" | b:c* <-> !d\\'", "('a') & ('b') & ('c') & ('d')")]
    public void OfPostgres_Text_BecomesWordsAndPhrasesNeverOperators(string? text, string? expected) => Assert.Equal(expected, SearchQuery.OfPostgres(text));

    [Theory]
    [InlineData("28P01", "check user and password")]
    [InlineData("53100", "make room")]
    [InlineData("53300", "max_connections")]
    [InlineData("40P01", "try again")]
    [InlineData("57P01", "restarted")]
    [InlineData("XX001", "restore the server's last backup")]
    public void Describe_FaultOfTheServer_IsOneSentenceWithTheRemedy(string state, string remedy)
    {
        var fault = new PostgresException("it says\nso", "ERROR", "ERROR", state);

        var said = StorageFaults.Describe(new DbUpdateException("outer", new InvalidOperationException("likely transient", fault)));

        Assert.Contains(remedy, said, StringComparison.Ordinal);
        Assert.Contains("it says so", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Look_NoServer_IsToldWithoutThePassword()
    {
        var fault = await Assert.ThrowsAnyAsync<NpgsqlException>(() => PostgresServer.LookAsync("postgres://ann:hunter2@127.0.0.1:1/lab?Timeout=2", TestContext.Current.CancellationToken));

        Assert.Contains("cannot be reached", StorageFaults.Describe(fault), StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", StorageFaults.Describe(fault) + fault, StringComparison.Ordinal);
    }
}
