using CoScientist.Core.Storage;
using Npgsql;

namespace CoScientist.Tests.Core.Storage;

public sealed class DatabaseAddressTests
{
    [Theory]
    [InlineData("postgres://ann:s%40cret@db.example:6000/lab?sslmode=verify-full&Timeout=5")]
    [InlineData("Host=db.example;Port=6000;Database=lab;Username=ann;Password=s@cret;SSL Mode=VerifyFull;Timeout=5")]
    public void ConnectionString_BothWaysOfWriting_AreTheSameAndDescribedWithoutThePassword(string address)
    {
        var parts = new NpgsqlConnectionStringBuilder(DatabaseAddress.ConnectionString(address));

        Assert.True(DatabaseAddress.IsPostgres(address));
        Assert.Equal(("db.example", 6000, "lab", "ann", "s@cret"), (parts.Host, parts.Port, parts.Database, parts.Username, parts.Password));
        Assert.Equal((SslMode.VerifyFull, 5, 30), (parts.SslMode, parts.Timeout, parts.MaxPoolSize));
        Assert.Equal("PostgreSQL database lab on db.example, port 6000", DatabaseAddress.Describe(address));
    }

    [Fact]
    public void ConnectionString_SocketOrPoolOfOnesOwn_IsTaken()
    {
        var parts = new NpgsqlConnectionStringBuilder(DatabaseAddress.ConnectionString("postgresql:///lab?host=/var/run/postgresql&Maximum Pool Size=7"));

        Assert.Equal(("/var/run/postgresql", "lab", 7), (parts.Host, parts.Database, parts.MaxPoolSize));
    }

    [Theory]
    [InlineData("postgres://ann:hunter2@")]
    [InlineData("postgres://ann:hunter2@db.example/")]
    [InlineData("postgres://ann:hunter2@db.example/lab?nonsense=1")]
    [InlineData("postgres://ann:hunter2/@db.example:port/lab")]
    [InlineData("Host=db.example;Password=hunter2")]
    [InlineData("Host=db.example;Database=lab;Password=hunter2;Port=many")]
    [InlineData("Host=db.example;Database=lab;hunter2")]
    public void ConnectionString_Malformed_IsRefusedWithoutRepeatingIt(string address)
    {
        var refused = Assert.Throws<InvalidDataException>(() => DatabaseAddress.ConnectionString(address));

        Assert.DoesNotContain("hunter2", refused.ToString(), StringComparison.Ordinal);
        Assert.Contains("postgres://USER:PASSWORD@HOST:PORT/DATABASE", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/data/coscientist.db")]
    [InlineData("C:\\data\\coscientist.db")]
    [InlineData("data=old/coscientist.db")]
    public void IsPostgres_Path_IsNone(string path)
    {
        Assert.False(DatabaseAddress.IsPostgres(path));
        Assert.Equal(path, DatabaseAddress.Describe(path));
    }
}
